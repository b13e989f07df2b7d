"""Lists of states for SQL, derived from the state machine."""

from collections.abc import Collection

from onboarding_shared.contracts.run_states import ACTIVE, TERMINAL, RunEvent, next_state
from onboarding_shared.contracts.types import RunState
from onboarding_shared.postgres.literals import sql_list


def _listed(states: Collection[RunState]) -> str:
    return sql_list(state for state in RunState if state in states)


_WITHOUT_WORKER = frozenset({RunState.QUEUED, RunState.WAITING})

ALL_STATES = _listed(RunState)
CLAIMABLE_STATES = _listed(_WITHOUT_WORKER)
"""States in which a worker may claim a run, from ``resume_at`` on."""
LEASED_STATES = _listed(ACTIVE - _WITHOUT_WORKER)
"""States in which a worker holds the lease of a run."""
LEASED_ROWS = ", ".join(f"('{state}')" for state in RunState if state in ACTIVE - _WITHOUT_WORKER)
"""The leased states as rows, for ``VALUES``."""
CANCELLABLE_STATES = _listed([state for state in RunState if next_state(state, RunEvent.REQUEST_CANCEL)])
RESUMABLE_STATES = _listed(_WITHOUT_WORKER | {RunState.RUNNING})
"""States in which a run can be woken: a running one runs again as soon as it waits."""
ENDED_STATES = _listed(TERMINAL)
