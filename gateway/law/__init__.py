"""The law: pure functions over facts, standard library only. Knows neither mail nor SQL nor SMTP."""
