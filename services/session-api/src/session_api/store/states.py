"""Lists of states for SQL, derived from the state machine and the rules."""

from onboarding_shared.contracts.run_states import ACTIVE, TERMINAL
from onboarding_shared.contracts.types import RunState, SessionStatus
from onboarding_shared.postgres.literals import sql_list
from session_api.domain.sessions import OPEN

ACTIVE_STATES = sql_list(state for state in RunState if state in ACTIVE)
"""States of a run that has not ended."""
ANSWERED_STATES = sql_list(state for state in RunState if state in TERMINAL - {RunState.CANCELLED})
"""States of a run that ended with a result; a cancelled run has none."""
OPEN_STATUSES = sql_list(status for status in SessionStatus if status in OPEN)
"""Statuses of an open session."""
