"""The entry point of Alembic."""

from onboarding_shared.postgres.migrate import run_env
from task_runner.store.tables import metadata

run_env(metadata)
