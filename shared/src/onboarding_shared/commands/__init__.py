"""Commands of operators that every service has, which work on the database directly."""
