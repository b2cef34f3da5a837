"""Learning: the methods, and what every method is. No factor is ever seen here."""
