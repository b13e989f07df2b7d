"""Whether a wizard step is done: its required task types are ok or warn."""

from collections.abc import Iterable
from dataclasses import dataclass

from onboarding_shared.contracts.types import CheckStatus

PASSING = frozenset({CheckStatus.OK, CheckStatus.WARN})


@dataclass(frozen=True, slots=True)
class TaskStanding:
    """What the latest finished run of a task type found out."""

    task_type: str
    step: int
    required: bool
    status: CheckStatus


def open_tasks(step: int, standings: Iterable[TaskStanding]) -> tuple[TaskStanding, ...]:
    """The required tasks of ``step`` that keep the wizard from leaving it, by name."""
    missing = (one for one in standings if one.step == step and one.required and one.status not in PASSING)
    return tuple(sorted(missing, key=lambda one: one.task_type))
