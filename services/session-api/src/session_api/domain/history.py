"""Entries of a session's history: what was done, and the values before and after it."""

from dataclasses import dataclass
from enum import StrEnum
from typing import Any


class HistoryAction(StrEnum):
    """What a history entry says was done."""

    SESSION_STARTED = "session_started"
    LOCK_TAKEN = "lock_taken"
    LOCK_RELEASED = "lock_released"
    TAKEN_OVER = "taken_over"
    STEP_CHANGED = "step_changed"
    ASSIGNED = "assigned"
    CONNECTION_CHOSEN = "connection_chosen"
    STATUS_CHANGED = "status_changed"
    CONSENT_REQUESTED = "consent_requested"
    CONSENT_ANSWERED = "consent_answered"
    SESSION_COMPLETED = "session_completed"
    SESSION_ABANDONED = "session_abandoned"
    RUN_STARTED = "run_started"
    RUN_CANCEL_REQUESTED = "run_cancel_requested"


@dataclass(frozen=True, slots=True)
class NewHistoryEntry:
    """A history entry to add: the action, and the values before and after it."""

    action: HistoryAction
    before: dict[str, Any] | None = None
    after: dict[str, Any] | None = None
