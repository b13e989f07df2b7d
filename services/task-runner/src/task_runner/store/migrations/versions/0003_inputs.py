"""The inputs of a run, and whether it is a dry run."""

from onboarding_shared.postgres.migrate import run_script

revision = "0003"
down_revision = "0002"


def upgrade() -> None:
    run_script("""
ALTER TABLE executions ADD COLUMN inputs json, ADD COLUMN dry_run boolean NOT NULL DEFAULT false;
""")
