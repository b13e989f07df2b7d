"""The commands of operators, for any deployment: they speak the API of session-api."""
