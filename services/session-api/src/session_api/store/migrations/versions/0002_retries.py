"""The run that a run retries."""

from onboarding_shared.postgres.migrate import run_script

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    run_script("ALTER TABLE operation_runs ADD COLUMN retry_of_run_id bigint;")
