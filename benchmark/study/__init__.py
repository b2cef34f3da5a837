"""Studies: many runs that answer one question, their record, and the page that says what it shows."""
