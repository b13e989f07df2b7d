"""Alembic's entry: everything it needs to know is shared by the services."""

from evidence_store.store.tables import metadata
from onboarding_shared.postgres.migrate import run_env

run_env(metadata)
