"""Turns of a tenant's requests: so many at a time, so many a second, and other tenants notice nothing."""

import asyncio
import gc
import time
import weakref

import pytest

from task_runner.providers import gates as gates_module
from task_runner.providers.gates import MOST_DEFERRALS, ONE, PATIENCE, TenantGate, TenantGates, Waiting
from task_runner.providers.limits import LIMITS, Cost, cost_of, service_of
from task_runner.tasks import TaskFault
from task_runner.tasks.result import AttemptDeferred


class Clock:
    """A clock that only the test advances."""

    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


PATIENT = Waiting(60.0, run_id=1)
POLICIES = "https://graph.example/beta/identity/conditionalAccess/policies"
REPORT = "https://graph.example/v1.0/reports/authenticationMethods/userRegistrationDetails"
USERS = "https://graph.example/v1.0/users?$top=1"


def waits(gate: TenantGate, number: int, url: str = USERS, seconds: float = 60.0) -> list[float]:
    service = service_of(url)
    began = gate._clock()
    booked = [gate._book(service, Waiting(seconds, run_id=run), ONE, began) for run in range(1, number + 1)]
    return [round(max(0.0, wait), 3) for wait in booked]


def gate_of(rate: float, clock: Clock) -> TenantGate:
    return TenantGate(requests=8, rate=rate, services=LIMITS, clock=clock)


def test_after_a_burst_requests_go_at_the_rate() -> None:
    assert waits(gate_of(4.0, Clock()), 7) == [0, 0, 0, 0, 0.25, 0.5, 0.75]


def test_a_rate_below_one_a_second_has_no_burst() -> None:
    assert waits(gate_of(0.5, Clock()), 3) == [0, 2.0, 4.0]


def test_time_without_requests_gives_the_burst_back_and_no_more() -> None:
    clock = Clock()
    gate = gate_of(2.0, clock)
    waits(gate, 2)
    clock.now += 3600
    assert waits(gate, 3) == [0, 0, 0.5]


def test_conditional_access_gets_one_request_a_second() -> None:
    gate = gate_of(100.0, Clock())
    assert waits(gate, 3, POLICIES) == [0, 1.0, 2.0]
    assert waits(gate, 1, USERS) == [0]


def test_reports_get_five_requests_in_ten_seconds() -> None:
    assert waits(gate_of(100.0, Clock()), 7, REPORT) == [0, 0, 0, 0, 0, 2.0, 4.0]


def test_a_run_that_went_back_to_the_queue_keeps_its_place() -> None:
    clock = Clock()
    gate = gate_of(100.0, clock)
    waits(gate, 2, POLICIES)
    with pytest.raises(AttemptDeferred) as caught:
        gate._book(service_of(POLICIES), Waiting(1.0, run_id=8), ONE, clock.now)
    assert (caught.value.reason_code, caught.value.retry_after) == ("TENANT_BUSY", 2.0)

    assert gate._book(service_of(POLICIES), Waiting(60.0, run_id=9), ONE, clock.now) == 3.0
    clock.now += 2.0
    assert gate._book(service_of(POLICIES), Waiting(1.0, run_id=8), ONE, clock.now) <= 0


def test_late_returns_do_not_go_faster_than_the_limit() -> None:
    clock = Clock()
    gate = gate_of(100.0, clock)
    waits(gate, 2, POLICIES)
    for run in (8, 9):
        with pytest.raises(AttemptDeferred):
            gate._book(service_of(POLICIES), Waiting(0.5, run_id=run), ONE, clock.now)
    clock.now += 60.0
    late = [gate._book(service_of(POLICIES), Waiting(60.0, run_id=run), ONE, clock.now) for run in (8, 9, 10)]
    assert [max(0.0, wait) for wait in late] == [0.0, 1.0, 2.0]


def test_a_run_without_a_turn_takes_nothing_from_its_tenant() -> None:
    gate = gate_of(2.0, Clock())
    waits(gate, 3)
    for run in range(10, 60):
        with pytest.raises(AttemptDeferred):
            gate._book(service_of(USERS), Waiting(0.1, run_id=run), ONE, 100.0)
    assert gate._book(service_of(USERS), Waiting(60.0, run_id=99), ONE, 100.0) == 1.0


def test_a_batch_counts_for_its_requests() -> None:
    gate = gate_of(4.0, Clock())
    assert gate._book(service_of(USERS), PATIENT, Cost(requests=8), 100.0) <= 0
    assert waits(gate, 1) == [1.25]


def test_the_directory_gets_3500_resource_units_in_ten_seconds() -> None:
    clock = Clock()
    gate = gate_of(10_000.0, clock)
    spent, end = 0, clock.now + 10
    while clock.now < end:
        try:
            gate._book(service_of(USERS), Waiting(0.0, run_id=1), Cost(units=50), clock.now)
            spent += 50
        except AttemptDeferred:
            clock.now += 0.1

    assert 3_300 <= spent <= 3_500


@pytest.mark.parametrize(
    ("path", "units"),
    [
        ("organization", 1),
        ("subscribedSkus", 3),
        ("users?%24filter=id+in+%28%27a%27%29&%24select=id", 1),
        ("users?%24count=true&%24top=1&%24select=id", 1),
        ("groups/7/transitiveMembers?%24select=id&%24top=999", 4),
        ("groups/7/transitiveMembers/microsoft.graph.user", 5),
        ("servicePrincipals/7/appRoleAssignments", 2),
        ("roleManagement/directory/roleAssignments?%24expand=principal", 2),
    ],
)
def test_requests_cost_what_microsoft_publishes(path: str, units: int) -> None:
    assert cost_of([f"https://graph.example/v1.0/{path}"]) == Cost(requests=1, units=units)


def test_a_batch_costs_the_sum_of_its_reads() -> None:
    assert cost_of(["https://g.example/v1.0/users", "https://g.example/v1.0/subscribedSkus"]) == Cost(2, 5)


async def test_a_run_that_was_deferred_often_waits_in_its_attempt() -> None:
    gate = gate_of(1.0, Clock())
    waits(gate, 1)
    with pytest.raises(TaskFault) as caught:
        gate._book(service_of(USERS), Waiting.of(2, 0.5, deferrals=MOST_DEFERRALS), ONE, 100.0)
    assert (caught.value.reason_code, caught.value.retryable) == ("TENANT_BUSY", True)
    assert not isinstance(caught.value, AttemptDeferred)
    assert Waiting.of(2, 30.0, deferrals=MOST_DEFERRALS).seconds == 30.0
    assert Waiting.of(2, 30.0, deferrals=0).seconds == PATIENCE


def test_pauses_without_a_hint_double_from_two_seconds() -> None:
    gate = gate_of(100.0, Clock())
    pauses = [gate.throttled(POLICIES, None) for _ in range(4)]
    assert all(low <= pause <= 1.25 * low for low, pause in zip((2, 4, 8, 16), pauses, strict=True))
    assert len({pause / low for low, pause in zip((2, 4, 8, 16), pauses, strict=True)}) > 1

    gate.answered(POLICIES)
    assert gate.throttled(POLICIES, None) <= 2.5


async def test_a_service_that_throttles_is_left_alone() -> None:
    clock = Clock()
    gate = gate_of(100.0, clock)
    gate.throttled(POLICIES, 30.5)
    with pytest.raises(AttemptDeferred) as caught:
        async with gate.turn(Waiting(1.0), POLICIES):
            pass
    assert caught.value.retry_after == 30.5
    async with gate.turn(Waiting(1.0), USERS):
        pass
    clock.now += 30.5
    async with gate.turn(Waiting(1.0), POLICIES):
        pass


async def test_only_so_many_requests_are_under_way_at_a_time() -> None:
    gate = TenantGate(requests=3, rate=10_000.0)
    under_way, most = 0, 0

    async def request() -> None:
        nonlocal under_way, most
        async with gate.turn(Waiting(10.0)):
            under_way += 1
            most = max(most, under_way)
            await asyncio.sleep(0.001)
            under_way -= 1

    await asyncio.gather(*(request() for _ in range(20)))
    assert most == 3


async def test_a_request_without_a_slot_before_its_deadline_fails() -> None:
    gate = TenantGate(requests=1, rate=10_000.0)
    async with gate.turn(Waiting(1.0)):
        began = time.monotonic()
        with pytest.raises(TaskFault) as caught:
            async with gate.turn(Waiting(0.05)):
                pass
    assert caught.value.reason_code == "TENANT_BUSY"
    assert time.monotonic() - began < 1


@pytest.mark.parametrize("fault", [RuntimeError, asyncio.CancelledError])
async def test_a_request_that_fails_gives_its_slot_back(fault: type[BaseException]) -> None:
    gate = TenantGate(requests=1, rate=10_000.0)
    with pytest.raises(fault):
        async with gate.turn(Waiting(1.0)):
            raise fault
    async with gate.turn(Waiting(0.05)):
        pass


async def test_a_slow_tenant_holds_no_slot_of_another() -> None:
    gates = TenantGates(requests=1, rate=10_000.0, services=LIMITS)
    slow, quick = gates.of("aaaaaaaa-0000-4000-8000-000000000001"), gates.of("aaaaaaaa-0000-4000-8000-000000000002")
    async with slow.turn(Waiting(1.0)), quick.turn(Waiting(0.05)):
        pass


def test_connections_to_one_tenant_share_its_gate_regardless_of_case() -> None:
    gates = TenantGates(requests=1, rate=1.0, services=LIMITS)
    gate = gates.of("AAAAAAAA-0000-4000-8000-000000000001")
    assert gates.of("aaaaaaaa-0000-4000-8000-000000000001") is gate


async def test_a_pause_outlasts_the_last_use_of_its_gate() -> None:
    gates = TenantGates(requests=1, rate=10.0, services=LIMITS)
    gates.of("aaaaaaaa-0000-4000-8000-000000000001").throttled(USERS, 120.0)
    gc.collect()
    with pytest.raises(AttemptDeferred):
        gates.of("aaaaaaaa-0000-4000-8000-000000000001")._book(
            service_of(USERS), Waiting(1.0, 1), ONE, time.monotonic()
        )


def test_only_the_latest_gates_are_kept_after_their_use(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(gates_module, "MOST_GATES", 2)
    gates = TenantGates(requests=1, rate=10.0, services=LIMITS)
    first = weakref.ref(gates.of("aaaaaaaa-0000-4000-8000-000000000001"))
    for number in (2, 3):
        gates.of(f"aaaaaaaa-0000-4000-8000-00000000000{number}")
    gc.collect()
    assert first() is None


def test_a_gate_in_use_is_never_forgotten(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(gates_module, "MOST_GATES", 1)
    gates = TenantGates(requests=1, rate=10.0, services=LIMITS)
    first = gates.of("aaaaaaaa-0000-4000-8000-000000000001")
    gates.of("aaaaaaaa-0000-4000-8000-000000000002")
    assert gates.of("aaaaaaaa-0000-4000-8000-000000000001") is first
