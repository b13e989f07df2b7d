"""The entry point of Alembic."""

from evidence_store.store.tables import metadata
from onboarding_shared.postgres.migrate import run_env

run_env(metadata)
