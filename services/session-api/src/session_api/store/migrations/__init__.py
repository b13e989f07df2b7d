"""The schema of session-api's database, as Alembic revisions."""
