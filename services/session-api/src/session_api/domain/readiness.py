"""Whether a wizard step is done: its required task types are ok or warn."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from onboarding_shared.contracts.task_runner import TaskTypeDeclaration
from onboarding_shared.contracts.types import CheckStatus, Mode

STEPS = range(1, 6)
"""The steps of the wizard."""
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


@dataclass(frozen=True, slots=True)
class StepStanding:
    """How many tasks of a step have each status, and which keep the wizard from leaving it."""

    step: int
    counts: Mapping[CheckStatus, int]
    open: tuple[TaskStanding, ...]


def standing_of_steps(standings: Sequence[TaskStanding]) -> list[StepStanding]:
    """Every step of the wizard, in order, with tasks or without."""
    found = []
    for step in STEPS:
        counted = Counter(one.status for one in standings if one.step == step)
        counts = {status: counted[status] for status in CheckStatus}
        found.append(StepStanding(step, counts, open_tasks(step, standings)))
    return found


def tasks_of_step(task_types: Iterable[TaskTypeDeclaration], step: int, *, include_optional: bool) -> list[str]:
    """The task types to start for a step: the required ones, and with ``include_optional`` all that only read.

    An exclusive one comes last: it would keep the others from starting.
    """
    wanted = [
        (one.mode is Mode.EXCLUSIVE, one.name)
        for one in task_types
        if one.step == step and (one.required or (include_optional and one.mode is Mode.SHARED))
    ]
    return [name for _, name in sorted(wanted)]
