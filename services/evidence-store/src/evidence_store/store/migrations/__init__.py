"""The schema of evidence-store's database, as Alembic revisions."""
