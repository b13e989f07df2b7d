"""Evidence and its verification as rows."""

from onboarding_devstack.cli.operate.client import Row
from onboarding_devstack.cli.operate.rows import Column, member, name_of, time_of

_SEAL_SHOWN = 16


def _seal(row: Row) -> str:
    seal: str = row["seal"]
    return seal[:_SEAL_SHOWN]


def _head(row: Row) -> str:
    head: str = row["head"]
    return head[:_SEAL_SHOWN]


def _chain(row: Row) -> str:
    return "whole" if row["verified"] else "BROKEN"


COLUMNS = (
    name_of("evidence"),
    member("position", "no."),
    member("task_type", "task"),
    member("status"),
    member("reason_code", "reason"),
    member("operation_run_id", "run"),
    time_of("recorded_at", "recorded (UTC)"),
    Column("seal", _seal),
)
VERIFICATION_COLUMNS = (
    member("tenant_id", "tenant"),
    Column("chain", _chain),
    member("length", "items"),
    Column("last seal", _head),
    member("break"),
)
