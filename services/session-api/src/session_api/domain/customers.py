"""Customers as a list shows them: the tenant, its latest session, its verdicts, and what is running."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from onboarding_shared.contracts.types import CheckStatus, RunState, SessionStatus
from session_api.domain.sessions import Session

ENDS_SOON = timedelta(days=1)
"""A verdict that expires within this time counts as ending soon: most are valid for a day or a week."""


class SessionFilter(StrEnum):
    """The state of a customer's latest session. ``open``: draft or in progress; ``none``: there was no session."""

    OPEN = "open"
    COMPLETED = "completed"
    ABANDONED = "abandoned"
    NONE = "none"


class Activity(StrEnum):
    """The state of a customer's runs: at least one is running, is waiting, or has not ended (``active``)."""

    ACTIVE = "active"
    RUNNING = "running"
    WAITING = "waiting"


class Sorting(StrEnum):
    """The order of customers; a leading minus reverses it. Customers without the value come last, reversed first."""

    NAME = "name"
    NAME_DOWN = "-name"
    STEP = "step"
    STEP_DOWN = "-step"
    OLDEST_EVIDENCE = "oldest_evidence"
    OLDEST_EVIDENCE_DOWN = "-oldest_evidence"
    NEXT_EXPIRY = "next_expiry"
    NEXT_EXPIRY_DOWN = "-next_expiry"

    @property
    def key(self) -> str:
        """The value that is compared."""
        return self.value.removeprefix("-")

    @property
    def descending(self) -> bool:
        """True if the greatest value comes first."""
        return self.value.startswith("-")


@dataclass(frozen=True, slots=True)
class CustomerFilter:
    """Conditions on customers; None matches all.

    ``locked_by`` is a user who holds the edit lock. ``needs_attention``: a required task has failed, or none has.
    """

    search: str | None = None
    session: SessionFilter | None = None
    verdict: CheckStatus | None = None
    activity: Activity | None = None
    needs_attention: bool | None = None
    locked_by: int | None = None


@dataclass(frozen=True, slots=True)
class LatestSession:
    """A session with the times that a list shows; ``completed_at`` is None unless it is completed."""

    session: Session
    created_at: datetime
    updated_at: datetime

    @property
    def completed_at(self) -> datetime | None:
        """The end of a completed session: nothing changes it afterwards."""
        return self.updated_at if self.session.status is SessionStatus.COMPLETED else None


@dataclass(frozen=True, slots=True)
class ActiveRun:
    """A run that has not ended. ``title`` is that of its task type."""

    id: int
    task_type: str
    title: str
    state: RunState
    attempt: int
    reason_code: str | None
    message: str | None
    resume_at: datetime | None
    progress_done: int | None
    progress_total: int | None
    progress_message: str | None
    started_at: datetime | None


@dataclass(frozen=True, slots=True)
class Customer:
    """A tenant of the caller. ``counts`` has the number of task types by verdict; an expired one is unknown.

    ``oldest_evidence_at`` is the end of the oldest run that a verdict is based on, ``next_expires_at`` the first time
    at which a verdict of these becomes unknown.
    """

    tenant_id: int
    display_name: str
    external_tenant_id: str | None
    latest: LatestSession | None
    counts: dict[CheckStatus, int]
    active_runs: int
    active_run: ActiveRun | None
    oldest_evidence_at: datetime | None
    next_expires_at: datetime | None


@dataclass(frozen=True, slots=True)
class CustomerCounts:
    """Numbers of customers: of all, and of those of which the name of the member holds."""

    tenants: int
    in_onboarding: int
    waiting: int
    need_attention: int
    completed: int
    ending_soon: int


@dataclass(frozen=True, slots=True)
class Expiry:
    """A verdict of a customer that is valid until ``expires_at``."""

    tenant_id: int
    display_name: str
    task_type: str
    title: str
    expires_at: datetime
    status: CheckStatus
