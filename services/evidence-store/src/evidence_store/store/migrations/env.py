"""Alembic's entry: everything it needs to know is shared by the services."""

from onboarding_shared.postgres.migrate import run_env

from evidence_store.store.tables import metadata

run_env(metadata)
