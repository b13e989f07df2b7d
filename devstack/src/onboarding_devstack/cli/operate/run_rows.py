"""Runs as rows of a table."""

from onboarding_devstack.cli.operate.client import Row
from onboarding_devstack.cli.operate.rows import Column, member, name_of, time_of


def _reason(row: Row) -> str | None:
    told = row.get("result") or row.get("waiting") or {}
    return told.get("reason_code")


def _outcome(row: Row) -> str:
    if row["error"] is not None:
        return "refused"
    return row.get("state") or "retried"


COLUMNS = (
    name_of("run"),
    member("task_type", "task"),
    member("state"),
    member("result.status", "verdict"),
    Column("reason", _reason),
    time_of("created_at", "accepted (UTC)"),
    time_of("finished_at", "ended (UTC)"),
)
_REFUSAL = (member("error.code", "code"), member("error.error", "why not"))
CANCELLED_COLUMNS = (name_of("run", number="run_id"), Column("outcome", _outcome), *_REFUSAL)
RETRIED_COLUMNS = (
    name_of("run", number="run_id"),
    Column("outcome", _outcome),
    name_of("new run", number="new_run_id"),
    *_REFUSAL,
)
