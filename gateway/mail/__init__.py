"""Messages: pure functions, bytes in and bytes out. Knows neither the law nor SQL nor sockets."""
