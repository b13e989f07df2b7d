"""The latest result of a task type in a scope is one look into an index, however many results other scopes have."""

from onboarding_shared.postgres.migrate import run_script

revision = "0006"
down_revision = "0005"


def upgrade() -> None:
    run_script("""
DROP INDEX operation_runs_finished;
CREATE INDEX operation_runs_finished ON operation_runs (tenant_id, task_type, scope_key, finished_at DESC, id DESC)
    WHERE state IN ('succeeded', 'failed', 'timed_out') AND NOT dry_run;
""")
