"""How long an answer counts: what a task found out is true for a while, and then it has to be asked again."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from onboarding_shared.contracts.types import CheckStatus

NEVER_RUN = "NEVER_RUN"
EVIDENCE_STALE = "EVIDENCE_STALE"
LONGEST_FRESH_SECONDS = 100 * 365 * 86_400.0
"""A declaration may say any number of seconds; beyond this one, dates cannot be reckoned with."""


@dataclass(frozen=True, slots=True)
class LatestResult:
    """How the latest finished run of a task type ended, and how many seconds such an answer counts."""

    status: CheckStatus
    reason_code: str | None
    message: str | None
    finished_at: datetime
    fresh_seconds: float


@dataclass(frozen=True, slots=True)
class Verdict:
    """What may be said of a task type now, and until when (None = no run has finished)."""

    status: CheckStatus
    reason_code: str | None
    message: str | None
    expires_at: datetime | None = None


def verdict(latest: LatestResult | None, last_run_id: int | None, now: datetime) -> Verdict:
    """The answer of the latest finished run while it counts; unknown before there is one, and after its time."""
    if latest is None:
        message = "This task has not been run yet." if last_run_id is None else "No run of this task has finished yet."
        return Verdict(CheckStatus.UNKNOWN, NEVER_RUN, message)
    # An end in the future is a runner's clock that goes ahead; it must not make the answer count longer.
    finished_at = min(latest.finished_at, now)
    expires_at = finished_at + timedelta(seconds=min(latest.fresh_seconds, LONGEST_FRESH_SECONDS))
    if expires_at <= now:
        found = f"{latest.status} {latest.reason_code or ''}".rstrip()
        message = f"The latest answer ({found}) is of {finished_at:%Y-%m-%d %H:%M} UTC and does not count any more."
        return Verdict(CheckStatus.UNKNOWN, EVIDENCE_STALE, message, expires_at)
    return Verdict(latest.status, latest.reason_code, latest.message, expires_at)
