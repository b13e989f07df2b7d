"""Shared by the two changes of delegated administration: permission, planned changes and result of a dry run."""

from collections.abc import Mapping, Sequence
from typing import Any

import msgspec

from task_runner.providers.graph_errors import GraphRefused
from task_runner.tasks.result import Result

WRITE_RELATIONSHIPS = "DelegatedAdminRelationship.ReadWrite.All"
CHANGED_MEANWHILE = (400, 409, 412)
"""Statuses that Microsoft answers if the object was changed after it was read, or exists already."""


class PlannedChange(msgspec.Struct, frozen=True, kw_only=True):
    """One request that the task would send, described for people."""

    action: str
    target: str
    details: Mapping[str, Any] = {}


def dry_run_result(changes: Sequence[PlannedChange], payload: Mapping[str, Any]) -> Result:
    """The result of a dry run: the planned changes, none of which was made."""
    planned = {**payload, "planned_changes": msgspec.to_builtins(changes)}
    if not changes:
        return Result.ok("DRY_RUN_NO_CHANGES", "Nothing would be changed.", planned)
    actions = "; ".join(f"{change.action} {change.target}" for change in changes[:10])
    return Result.ok("DRY_RUN_CHANGES", f"{len(changes)} changes would be made: {actions}.", planned)


def changed_meanwhile(refused: GraphRefused) -> bool:
    """True if a repetition on freshly read data may succeed."""
    return refused.http_status in CHANGED_MEANWHILE
