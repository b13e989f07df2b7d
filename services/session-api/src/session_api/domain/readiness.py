"""Readiness of wizard steps. A step is ready when all its required task types have status ok or warn."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from onboarding_shared.contracts.task_runner import TaskTypeDeclaration
from onboarding_shared.contracts.types import FIRST_STEP, LAST_STEP, CheckStatus, Mode

STEPS = range(FIRST_STEP, LAST_STEP + 1)
"""The numbers of the wizard's steps."""
PASSING = frozenset({CheckStatus.OK, CheckStatus.WARN})


@dataclass(frozen=True, slots=True)
class TaskReadiness:
    """Current status of a task type in a tenant."""

    task_type: str
    step: int
    required: bool
    status: CheckStatus


def open_tasks(step: int, tasks: Iterable[TaskReadiness]) -> tuple[TaskReadiness, ...]:
    """Return the required tasks of ``step`` that are neither ok nor warn, sorted by name."""
    missing = (task for task in tasks if task.step == step and task.required and task.status not in PASSING)
    return tuple(sorted(missing, key=lambda task: task.task_type))


@dataclass(frozen=True, slots=True)
class StepReadiness:
    """Number of a step's tasks by status, and its required tasks that are neither ok nor warn."""

    step: int
    counts: Mapping[CheckStatus, int]
    open: tuple[TaskReadiness, ...]


def readiness_of_steps(tasks: Sequence[TaskReadiness]) -> list[StepReadiness]:
    """Return the readiness of every step of the wizard, in order."""
    steps = []
    for step in STEPS:
        counter = Counter(task.status for task in tasks if task.step == step)
        counts = {status: counter[status] for status in CheckStatus}
        steps.append(StepReadiness(step, counts, open_tasks(step, tasks)))
    return steps


def tasks_of_step(task_types: Iterable[TaskTypeDeclaration], step: int, *, include_optional: bool) -> list[str]:
    """Return the task types to start for a step: the required ones, and with ``include_optional`` all shared ones.

    Exclusive task types are last, because their runs would block the others.
    """
    wanted = [
        (declaration.mode is Mode.EXCLUSIVE, declaration.name)
        for declaration in task_types
        if declaration.step == step and (declaration.required or (include_optional and declaration.mode is Mode.SHARED))
    ]
    return [name for _, name in sorted(wanted)]
