"""Alembic's entry: everything it needs to know is shared by the services."""

from onboarding_shared.postgres.migrate import run_env
from task_runner.store.tables import metadata

run_env(metadata)
