"""The concurrency guard, case by case and in general."""

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as some

from onboarding_shared.contracts.types import Mode, RunState, Scope
from session_api.domain.guard import ActiveRun, Blocked, Created, Reused, decide, overlap, scope_key

AT = datetime(2026, 11, 24, tzinfo=UTC)


def run(task_type: str, key: str = "tenant", mode: Mode = Mode.SHARED, state: RunState = RunState.RUNNING) -> ActiveRun:
    return ActiveRun(task_type=task_type, scope_key=key, mode=mode, state=state, run_id=1, since=AT)


def test_nothing_active_means_a_new_run() -> None:
    decision = decide("a", Mode.SHARED, "tenant", [])

    assert decision == Created(ActiveRun("a", "tenant", Mode.SHARED, RunState.QUEUED))


def test_the_same_task_in_the_same_scope_is_reused() -> None:
    active = run("a")

    assert decide("a", Mode.SHARED, "tenant", [run("b"), active]) == Reused(active)


def test_an_exclusive_task_reuses_its_own_run_too() -> None:
    active = run("a", mode=Mode.EXCLUSIVE)

    assert decide("a", Mode.EXCLUSIVE, "tenant", [active]) == Reused(active)


def test_a_run_that_is_being_cancelled_blocks() -> None:
    active = run("a", state=RunState.CANCELLING)

    assert decide("a", Mode.SHARED, "tenant", [active]) == Blocked(active)


@pytest.mark.parametrize(
    ("wanted", "active", "blocked"),
    [
        (Mode.SHARED, Mode.SHARED, False),
        (Mode.SHARED, Mode.EXCLUSIVE, True),
        (Mode.EXCLUSIVE, Mode.SHARED, True),
        (Mode.EXCLUSIVE, Mode.EXCLUSIVE, True),
    ],
)
def test_only_shared_beside_shared_is_tolerated(wanted: Mode, active: Mode, blocked: bool) -> None:
    decision = decide("a", wanted, "tenant", [run("b", mode=active)])

    assert isinstance(decision, Blocked if blocked else Created)


@pytest.mark.parametrize(
    ("left", "right", "expected"),
    [
        ("tenant", "tenant", True),
        ("tenant", "connection:1", True),
        ("connection:1", "tenant", True),
        ("connection:1", "connection:1", True),
        ("connection:1", "connection:2", False),
    ],
)
def test_the_tenant_contains_its_connections(left: str, right: str, expected: bool) -> None:
    assert overlap(left, right) is expected


def test_the_same_task_on_another_connection_is_another_run() -> None:
    assert isinstance(decide("a", Mode.EXCLUSIVE, "connection:2", [run("a", "connection:1", Mode.EXCLUSIVE)]), Created)


@pytest.mark.parametrize(
    ("scope", "connection_id", "expected"),
    [
        (Scope.TENANT, None, "tenant"),
        (Scope.TENANT, 5, "tenant"),
        (Scope.CONNECTION, 5, "connection:5"),
        (Scope.CONNECTION, None, "tenant"),
    ],
)
def test_a_run_occupies_its_scope(scope: Scope, connection_id: int | None, expected: str) -> None:
    assert scope_key(scope, connection_id) == expected


STARTS = some.lists(
    some.tuples(some.sampled_from("abc"), some.sampled_from(["tenant", "connection:1", "connection:2"])), max_size=30
)


@given(STARTS, some.dictionaries(some.sampled_from("abc"), some.sampled_from(Mode), min_size=3))
def test_whatever_is_started_active_runs_never_conflict(starts: list[tuple[str, str]], modes: dict[str, Mode]) -> None:
    active: list[ActiveRun] = []
    for task_type, key in starts:
        decision = decide(task_type, modes[task_type], key, active)
        if isinstance(decision, Created):
            active.append(decision.run)

    for index, left in enumerate(active):
        for right in active[index + 1 :]:
            assert left.key != right.key
            if Mode.EXCLUSIVE in (left.mode, right.mode):
                assert not overlap(left.scope_key, right.scope_key)


def test_two_connections_to_one_microsoft_tenant_exclude_each_other() -> None:
    running = ActiveRun("app.grant", "connection:1", Mode.EXCLUSIVE, RunState.RUNNING, target="public/contoso")
    checking = ActiveRun("probe", "connection:1", Mode.SHARED, RunState.RUNNING, target="public/contoso")

    def started(mode: Mode, active: ActiveRun, target: str | None) -> type:
        return type(decide("app.other", mode, "connection:2", [active], target=target))

    assert started(Mode.EXCLUSIVE, running, "public/contoso") is Blocked
    assert started(Mode.SHARED, running, "public/contoso") is Blocked
    assert started(Mode.EXCLUSIVE, checking, "public/contoso") is Blocked
    assert started(Mode.SHARED, checking, "public/contoso") is Created
    assert started(Mode.EXCLUSIVE, running, "china/contoso") is Created
    assert started(Mode.EXCLUSIVE, running, None) is Created
