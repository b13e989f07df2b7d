"""The entry point of Alembic."""

from onboarding_shared.postgres.migrate import run_env
from session_api.store.tables import METADATA

run_env(METADATA)
