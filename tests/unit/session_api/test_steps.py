"""Steps of the wizard: what each still needs, and which tasks are started for it."""

from onboarding_shared.contracts.task_runner import TaskTypeDeclaration
from onboarding_shared.contracts.types import CheckStatus, Mode, Scope
from session_api.domain.readiness import TaskReadiness, readiness_of_steps, tasks_of_step

OK, WARN, FAIL, UNKNOWN = CheckStatus.OK, CheckStatus.WARN, CheckStatus.FAIL, CheckStatus.UNKNOWN


def declared(name: str, step: int = 2, *, required: bool = True, mode: Mode = Mode.SHARED) -> TaskTypeDeclaration:
    return TaskTypeDeclaration(
        name=name, title=name, step=step, scope=Scope.TENANT, mode=mode, required=required, time_limit_seconds=60.0
    )


TASK_TYPES = (
    declared("a.change", mode=Mode.EXCLUSIVE),
    declared("b.check"),
    declared("c.extra", required=False),
    declared("d.upkeep", required=False, mode=Mode.EXCLUSIVE),
    declared("e.elsewhere", step=3),
)


def test_each_step_counts_its_tasks_by_status() -> None:
    steps = readiness_of_steps(
        [TaskReadiness("a", 2, True, OK), TaskReadiness("b", 2, False, OK), TaskReadiness("c", 2, True, WARN)]
    )

    assert [step.step for step in steps] == [1, 2, 3, 4, 5]
    assert steps[1].counts == {OK: 2, WARN: 1, FAIL: 0, UNKNOWN: 0}
    assert steps[0].counts == {OK: 0, WARN: 0, FAIL: 0, UNKNOWN: 0}


def test_a_step_needs_every_required_task_ok_or_warn() -> None:
    tasks = [
        TaskReadiness("a", 2, True, UNKNOWN),
        TaskReadiness("b", 2, False, FAIL),
        TaskReadiness("c", 2, True, WARN),
        TaskReadiness("d", 2, True, FAIL),
        TaskReadiness("e", 3, True, FAIL),
    ]

    assert [task.task_type for task in readiness_of_steps(tasks)[1].open] == ["a", "d"]
    assert readiness_of_steps(tasks)[0].open == ()


def test_the_required_tasks_start_with_the_exclusive_task_last() -> None:
    assert tasks_of_step(TASK_TYPES, 2, include_optional=False) == ["b.check", "a.change"]


def test_with_optional_ones_everything_that_only_reads_is_started_too() -> None:
    assert tasks_of_step(TASK_TYPES, 2, include_optional=True) == ["b.check", "c.extra", "a.change"]


def test_a_step_without_tasks_starts_none() -> None:
    assert tasks_of_step(TASK_TYPES, 5, include_optional=True) == []
