"""Finds the runs that lost their workers without a look at the others."""

from onboarding_shared.postgres.migrate import run_script

revision = "0005"
down_revision = "0004"


def upgrade() -> None:
    run_script("""
CREATE INDEX executions_isolated ON executions (tenant_id, resume_at, run_id)
    WHERE state IN ('queued', 'waiting') AND losses >= 2;
""")
