"""Freshness of results: a result expires after its freshness period; then the task must run again."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from onboarding_shared.contracts.types import CheckStatus

NEVER_RUN = "NEVER_RUN"
EVIDENCE_STALE = "EVIDENCE_STALE"
LONGEST_FRESH_SECONDS = 100 * 365 * 86_400.0
"""Upper limit of a freshness period in seconds (100 years), so that dates do not overflow."""


@dataclass(frozen=True, slots=True)
class LatestResult:
    """Result of the latest finished run of a task type, and its freshness period in seconds."""

    status: CheckStatus
    reason_code: str | None
    message: str | None
    finished_at: datetime
    fresh_seconds: float


@dataclass(frozen=True, slots=True)
class CurrentResult:
    """Current result of a task type, and its time of expiry (None = no run has finished)."""

    status: CheckStatus
    reason_code: str | None
    message: str | None
    expires_at: datetime | None = None


NO_CONNECTION_CHOSEN = CurrentResult(
    CheckStatus.UNKNOWN,
    "CONNECTION_NOT_CHOSEN",
    "The tenant has several provider connections and none is chosen for the session.",
)
"""The result of a task of scope ``connection`` if it is open which connection it would be of."""


def current_result(latest: LatestResult | None, last_run_id: int | None, now: datetime) -> CurrentResult:
    """Return the result of the latest finished run; ``unknown`` if there is none or it has expired."""
    if latest is None:
        message = "This task has not been run yet." if last_run_id is None else "No run of this task has finished yet."
        return CurrentResult(CheckStatus.UNKNOWN, NEVER_RUN, message)
    # A runner whose clock is ahead reports an end in the future; it must not extend the freshness period.
    finished_at = min(latest.finished_at, now)
    expires_at = finished_at + timedelta(seconds=min(latest.fresh_seconds, LONGEST_FRESH_SECONDS))
    if expires_at <= now:
        latest_result = f"{latest.status} {latest.reason_code or ''}".rstrip()
        message = f"The latest result ({latest_result}), of {finished_at:%Y-%m-%d %H:%M} UTC, has expired."
        return CurrentResult(CheckStatus.UNKNOWN, EVIDENCE_STALE, message, expires_at)
    return CurrentResult(latest.status, latest.reason_code, latest.message, expires_at)
