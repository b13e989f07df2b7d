"""Commands of operators, which work on the database directly."""
