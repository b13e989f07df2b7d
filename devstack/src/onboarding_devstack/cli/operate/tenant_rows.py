"""Customers and their tasks as rows."""

from onboarding_devstack.cli.operate.client import Row
from onboarding_devstack.cli.operate.rows import Column, member, time_of


def _counts(row: Row) -> str:
    return ", ".join(f"{count} {status}" for status, count in row["counts"].items() if count)


COLUMNS = (
    member("tenant_id", "tenant"),
    member("display_name", "customer"),
    member("session.status", "session"),
    member("session.current_step", "step"),
    Column("tasks", _counts),
    member("active_runs", "active runs"),
    time_of("next_expires_at", "next expiry (UTC)"),
)
TASK_COLUMNS = (
    member("step"),
    member("task_type", "task"),
    member("status", "verdict"),
    member("reason_code", "reason"),
    member("active_run.state", "active run"),
    time_of("expires_at", "expires (UTC)"),
    member("remediation", "what to do"),
)
