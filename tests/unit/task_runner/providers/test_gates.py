"""Turns of a tenant's requests: so many at a time, so many a second, and other tenants notice nothing."""

import asyncio
import time

import pytest

from task_runner.providers.gates import TenantGate, TenantGates
from task_runner.tasks import TaskFault


class Clock:
    """A clock that only the test advances."""

    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


def waits(gate: TenantGate, number: int, remaining: float = 60.0) -> list[float]:
    return [round(max(0.0, gate._reserve(remaining)), 3) for _ in range(number)]


def test_after_a_burst_requests_go_at_the_rate() -> None:
    assert waits(TenantGate(requests=8, rate=4.0, clock=Clock()), 7) == [0, 0, 0, 0, 0.25, 0.5, 0.75]


def test_a_rate_below_one_a_second_has_no_burst() -> None:
    assert waits(TenantGate(requests=8, rate=0.5, clock=Clock()), 3) == [0, 2.0, 4.0]


def test_time_without_requests_gives_the_burst_back_and_no_more() -> None:
    clock = Clock()
    gate = TenantGate(requests=8, rate=2.0, clock=clock)
    waits(gate, 2)
    clock.now += 3600
    assert waits(gate, 3) == [0, 0, 0.5]


def test_a_request_beyond_its_deadline_consumes_no_slot() -> None:
    gate = TenantGate(requests=8, rate=1.0, clock=Clock())
    waits(gate, 1)
    with pytest.raises(TaskFault) as caught:
        gate._reserve(0.5)
    assert (caught.value.reason_code, caught.value.retryable) == ("TENANT_BUSY", True)
    assert waits(gate, 1) == [1.0]


async def test_only_so_many_requests_are_under_way_at_a_time() -> None:
    gate = TenantGate(requests=3, rate=10_000.0)
    under_way, most = 0, 0

    async def request() -> None:
        nonlocal under_way, most
        async with gate.turn(10.0):
            under_way += 1
            most = max(most, under_way)
            await asyncio.sleep(0.001)
            under_way -= 1

    await asyncio.gather(*(request() for _ in range(20)))
    assert most == 3


async def test_a_request_without_a_slot_before_its_deadline_fails() -> None:
    gate = TenantGate(requests=1, rate=10_000.0)
    async with gate.turn(1.0):
        began = time.monotonic()
        with pytest.raises(TaskFault) as caught:
            async with gate.turn(0.05):
                pass
    assert caught.value.reason_code == "TENANT_BUSY"
    assert time.monotonic() - began < 1


@pytest.mark.parametrize("fault", [RuntimeError, asyncio.CancelledError])
async def test_a_request_that_fails_gives_its_slot_back(fault: type[BaseException]) -> None:
    gate = TenantGate(requests=1, rate=10_000.0)
    with pytest.raises(fault):
        async with gate.turn(1.0):
            raise fault
    async with gate.turn(0.05):
        pass


async def test_a_slow_tenant_holds_no_slot_of_another() -> None:
    gates = TenantGates(requests=1, rate=10_000.0)
    slow, quick = gates.of("aaaaaaaa-0000-4000-8000-000000000001"), gates.of("aaaaaaaa-0000-4000-8000-000000000002")
    async with slow.turn(1.0), quick.turn(0.05):
        pass


def test_connections_to_one_tenant_share_its_gate_regardless_of_case() -> None:
    gates = TenantGates(requests=1, rate=1.0)
    gate = gates.of("AAAAAAAA-0000-4000-8000-000000000001")
    assert gates.of("aaaaaaaa-0000-4000-8000-000000000001") is gate
