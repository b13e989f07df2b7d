"""The inputs of a run, and whether it is a dry run.

``json`` and not ``jsonb``, which writes a number such as 1e308 with all its digits.
"""

from onboarding_shared.postgres.migrate import run_script

revision = "0004"
down_revision = "0003"


def upgrade() -> None:
    run_script("""
ALTER TABLE operation_runs ADD COLUMN inputs json, ADD COLUMN dry_run boolean NOT NULL DEFAULT false;
""")
