"""A batch of starts is decided one after the other, against what the earlier ones leave behind."""

from datetime import UTC, datetime, timedelta

import pytest

from onboarding_shared.contracts.types import Mode, RunState, Scope, SessionStatus
from session_api.domain.connections import NotChosen, NotUsable
from session_api.domain.guard import Blocked, Created, Reused
from session_api.domain.starting import (
    KnownConnection,
    OpenSession,
    Plan,
    Planned,
    Start,
    StartContext,
    TaskRule,
    TenantRun,
    UnknownTaskType,
    plan,
    retry_after,
)
from session_api.use_cases.inputs import check_inputs

NOW = datetime(2026, 11, 24, 9, 0, tzinfo=UTC)
RULES = (
    TaskRule("read", Scope.TENANT, Mode.SHARED, 60.0),
    TaskRule("change", Scope.TENANT, Mode.EXCLUSIVE, 20.0),
    TaskRule("probe", Scope.CONNECTION, Mode.SHARED, 600.0),
)


def known_state(
    *runs: TenantRun,
    sessions: tuple[OpenSession, ...] = (),
    connections: tuple[KnownConnection, ...] = (),
) -> StartContext:
    return StartContext(now=NOW, runs=runs, sessions=sessions, connections=connections, rules=RULES)


def start(task_type: str, tenant_id: int = 1, connection_id: int | None = None) -> Start:
    return Start(tenant_id, task_type, connection_id, 7, None)


def connection(number: int, *, tenant_id: int = 1, disabled: bool = False) -> KnownConnection:
    return KnownConnection(tenant_id, number, disabled, "microsoft_graph", "t", "c", "env:X", "public")


def decide(starts: list[Start], context: StartContext) -> list[Plan]:
    """Plan starts of task types without inputs, which need no check."""
    return plan(starts, context, check_inputs)


def decisions(plans: list[Plan]) -> list[type]:
    return [type(plan.decision) if isinstance(plan, Planned) else type(plan) for plan in plans]


def test_two_equal_starts_in_a_batch_make_one_run() -> None:
    assert decisions(decide([start("read"), start("read")], known_state())) == [Created, Reused]


def test_the_second_of_two_exclusive_starts_is_blocked() -> None:
    first, second = decide([start("change"), start("read")], known_state())

    assert isinstance(first, Planned)
    assert isinstance(second, Planned)
    assert second.decision == Blocked(first.decision.run)


def test_tenants_of_a_batch_do_not_touch_each_other() -> None:
    assert decisions(decide([start("change", 1), start("change", 2)], known_state())) == [Created, Created]


def test_an_unknown_type_affects_no_other_and_lists_known_types() -> None:
    unknown, known = decide([start("nonsense"), start("read")], known_state())

    assert unknown == UnknownTaskType("nonsense", ("change", "probe", "read"))
    assert decisions([known]) == [Created]


def test_an_active_run_is_reused() -> None:
    run = TenantRun(1, 55, "read", "tenant", Mode.SHARED, RunState.WAITING, NOW)
    [planned] = decide([start("read")], known_state(run))

    assert isinstance(planned, Planned)
    assert isinstance(planned.decision, Reused)
    assert planned.decision.run.run_id == 55


def test_the_named_connection_decides_the_scope() -> None:
    [planned] = decide([start("probe", connection_id=2)], known_state(connections=(connection(1), connection(2))))

    assert isinstance(planned, Planned)
    assert planned.decision.run.scope_key == "connection:2"
    assert planned.connection == connection(2)


def test_the_open_sessions_connection_comes_before_the_only_enabled_one() -> None:
    session = OpenSession(1, 9, SessionStatus.DRAFT, 1)
    [planned] = decide([start("probe")], known_state(sessions=(session,), connections=(connection(1), connection(2))))

    assert isinstance(planned, Planned)
    assert planned.connection == connection(1)
    assert planned.session == session


def test_a_disabled_connection_of_the_session_refuses_the_start() -> None:
    session = OpenSession(1, 9, SessionStatus.DRAFT, 1)
    known = (connection(1, disabled=True), connection(2))

    assert decide([start("probe")], known_state(sessions=(session,), connections=known)) == [
        NotUsable(1, disabled=True)
    ]


def test_without_any_connection_the_run_has_none() -> None:
    [planned] = decide([start("probe")], known_state())

    assert isinstance(planned, Planned)
    assert planned.connection is None
    assert planned.decision.run.scope_key == "tenant"


def test_several_connections_and_no_choice_refuse_the_start() -> None:
    known = (connection(2), connection(1), connection(3, disabled=True))

    assert decide([start("probe")], known_state(connections=known)) == [NotChosen((1, 2))]


def test_a_task_of_the_tenant_needs_no_choice() -> None:
    [planned] = decide([start("read")], known_state(connections=(connection(1), connection(2))))

    assert isinstance(planned, Planned)
    assert planned.connection is None


def test_a_named_connection_must_be_there_and_enabled() -> None:
    known = (connection(1, disabled=True), connection(2, tenant_id=2))
    plans = decide([start("probe", connection_id=1), start("probe", connection_id=2)], known_state(connections=known))

    assert plans == [NotUsable(1, disabled=True), NotUsable(2, disabled=False)]


@pytest.mark.parametrize(
    ("task_type", "age", "expected"),
    [("change", 0, 20), ("change", 5.5, 15), ("change", 500, 1), ("probe", 0, 30), ("gone", 0, 30)],
)
def test_retry_after_is_the_remaining_time_between_1_and_30(task_type: str, age: float, expected: int) -> None:
    since = NOW - timedelta(seconds=age)
    run = TenantRun(1, 55, task_type, "tenant", Mode.EXCLUSIVE, RunState.RUNNING, since)
    [planned] = decide([start("read")], known_state(run))

    assert isinstance(planned, Planned)
    assert isinstance(planned.decision, Blocked)
    assert retry_after(planned.decision, known_state(run)) == expected


def test_retry_after_of_a_long_wait_is_thirty_seconds() -> None:
    run = TenantRun(1, 55, "change", "tenant", Mode.EXCLUSIVE, RunState.WAITING, NOW - timedelta(days=3))
    [planned] = decide([start("read")], known_state(run))

    assert isinstance(planned, Planned)
    assert isinstance(planned.decision, Blocked)
    assert retry_after(planned.decision, known_state(run)) == 30
