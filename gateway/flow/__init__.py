"""The use cases, one a file; flow introduces the law, the mail, the store and the couriers to each other."""
