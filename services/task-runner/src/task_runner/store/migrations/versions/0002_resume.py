"""The latest resumption of a run, and whether its task succeeded before it."""

from onboarding_shared.postgres.migrate import run_script

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    run_script("""
ALTER TABLE executions ADD COLUMN woken_at timestamptz, ADD COLUMN previously_ok boolean NOT NULL DEFAULT false;
""")
