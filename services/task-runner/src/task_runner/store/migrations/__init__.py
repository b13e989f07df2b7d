"""The schema of task-runner's database, as Alembic revisions."""
