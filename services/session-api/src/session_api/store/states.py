"""Lists of states for SQL, derived from the state machine and the rules."""

from onboarding_shared.contracts.run_states import ACTIVE, TERMINAL
from onboarding_shared.contracts.types import RunState, SessionStatus
from onboarding_shared.postgres.literals import sql_list
from session_api.domain.sessions import OPEN

ACTIVE_STATES = sql_list(state for state in RunState if state in ACTIVE)
"""States of a run that has not ended."""
ENDED_STATES = sql_list(state for state in RunState if state in TERMINAL)
"""States of a run that has ended."""
ANSWERED_STATES = sql_list(state for state in RunState if state in TERMINAL - {RunState.CANCELLED})
"""States of a run that ended with a result; a cancelled run has none."""
OPEN_STATUSES = sql_list(status for status in SessionStatus if status in OPEN)
"""Statuses of a session that may still be changed."""


def previously_ok(run: str) -> str:
    """SQL: true if the latest result that was not unknown, of the task and scope of the table ``run``, was good."""
    return f"""coalesce((
    SELECT f.status IN ('ok', 'warn') FROM operation_runs f
    WHERE f.tenant_id = {run}.tenant_id AND f.task_type = {run}.task_type AND f.scope_key = {run}.scope_key
      AND f.state IN {ANSWERED_STATES} AND f.status <> 'unknown' AND NOT f.dry_run
    ORDER BY f.finished_at DESC, f.id DESC LIMIT 1), false) AS previously_ok"""  # noqa: S608 - no input, only names of ours
