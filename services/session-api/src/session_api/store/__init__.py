"""The database of session-api: the only modules with SQL."""
