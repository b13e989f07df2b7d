"""The inputs that a run offers to later runs."""

from onboarding_shared.postgres.migrate import run_script

revision = "0007"
down_revision = "0006"


def upgrade() -> None:
    run_script("""
ALTER TABLE operation_runs ADD COLUMN offered_inputs json;
""")
