"""The database of session-api. Only these modules contain SQL."""
