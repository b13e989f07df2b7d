"""Readings that runs share: when one request serves several, for how long, and what is never shared."""

import asyncio
from collections.abc import Awaitable, Callable

import pytest

from task_runner.providers.messages import Answer
from task_runner.providers.readings import Pages, ReadingKey, SharedReadings
from task_runner.providers.record import RecordedResponse
from task_runner.providers.tenant_connection import TenantConnection
from task_runner.tasks import TaskFault
from task_runner.testing import connection_to

TENANT = "aaaaaaaa-0000-4000-8000-000000000001"
OTHER = "aaaaaaaa-0000-4000-8000-000000000002"
URL = "https://graph.example/v1.0/organization"


class Clock:
    """A clock that only the test advances."""

    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


def pages(content: bytes = b"{}", status: int = 200) -> Pages:
    recorded = RecordedResponse(
        external_tenant_id=TENANT,
        method="GET",
        url=URL,
        status=status,
        permission=None,
        request_id=None,
        elapsed_ms=1,
        body_sha256="",
    )
    return (Answer(recorded=recorded, content=content),)


def key(url: str = URL, tenant: str = TENANT) -> ReadingKey:
    return ReadingKey.of(use(tenant), url, {})


def use(tenant: str = TENANT, of: int = 1) -> TenantConnection:
    return TenantConnection(of, connection_to(tenant))


class Runs:
    """Readings, and what each request answers: ``asked`` are the contents, ``hold`` keeps requests under way."""

    def __init__(self, entries: int = 10, size: int = 1000) -> None:
        self.clock = Clock()
        self.readings = SharedReadings(longest=60.0, entries=entries, size=size, clock=self.clock)
        self.asked: list[bytes] = []
        self.hold: asyncio.Event | None = None
        self.left = 30.0

    async def read(self, content: bytes, since: float = 0.0, of: ReadingKey | None = None, status: int = 200) -> bytes:
        async def ask() -> Pages:
            self.asked.append(content)
            if self.hold is not None:
                await self.hold.wait()
            return pages(content, status)

        return await self.read_by(ask, since, of)

    async def read_by(
        self, ask: Callable[[], Awaitable[Pages]], since: float = 0.0, of: ReadingKey | None = None
    ) -> bytes:
        reading = await self.readings.read(of or key(), since, lambda: self.left, ask)
        return reading.pages[0].content


async def begin(reading: Awaitable[bytes]) -> asyncio.Task[bytes]:
    started = asyncio.ensure_future(reading)
    await asyncio.sleep(0)
    return started


async def test_a_reading_serves_runs_until_it_is_too_old() -> None:
    runs = Runs()
    await runs.read(b"1")
    runs.clock.now += 59
    assert await runs.read(b"2", since=runs.clock.now - 60) == b"1"
    assert await runs.read(b"3", since=runs.clock.now - 58) == b"3"


async def test_equal_readings_at_one_time_are_one_request() -> None:
    runs = Runs()
    runs.hold = asyncio.Event()
    readings = [await begin(runs.read(b"%d" % number)) for number in range(12)]
    runs.hold.set()
    assert await asyncio.gather(*readings) == [b"0"] * 12
    assert runs.asked == [b"0"]


async def test_a_request_begun_too_early_serves_no_later_run() -> None:
    runs = Runs()
    runs.hold = asyncio.Event()
    early = await begin(runs.read(b"early"))
    runs.clock.now += 10
    late = await begin(runs.read(b"late", since=105.0))
    runs.hold.set()
    assert await asyncio.gather(early, late) == [b"early", b"late"]
    assert await runs.read(b"next") == b"late"


async def test_a_cancelled_reader_stops_no_other() -> None:
    runs = Runs()
    runs.hold = asyncio.Event()
    leader, follower, cancelled = [await begin(runs.read(content)) for content in (b"1", b"2", b"3")]
    leader.cancel()
    cancelled.cancel()
    runs.hold.set()
    assert await follower == b"2"
    assert leader.cancelled() and cancelled.cancelled()


async def test_a_fault_reaches_the_waiting_readers_and_no_later_one() -> None:
    runs = Runs()
    hold = asyncio.Event()

    async def fail() -> Pages:
        await hold.wait()
        raise TaskFault("GRAPH_UNAVAILABLE", "Down.", retryable=True, payload={"a": 1})

    readings = [await begin(runs.read_by(fail)) for _ in range(3)]
    hold.set()
    faults = await asyncio.gather(*readings, return_exceptions=True)

    assert [str(fault) for fault in faults] == ["GRAPH_UNAVAILABLE: Down."] * 3
    assert len({id(fault) for fault in faults}) == 3, "each attempt adds its own provenance"
    assert await runs.read(b"later") == b"later"


async def test_a_reader_whose_own_time_ran_out_fails_alone() -> None:
    runs = Runs()
    hold = asyncio.Event()

    async def fail() -> Pages:
        await hold.wait()
        runs.left = -1.0
        raise TaskFault("GRAPH_UNAVAILABLE", "No time.", retryable=True)

    leader = await begin(runs.read_by(fail))
    follower = await begin(runs.read(b"2"))
    hold.set()
    assert await follower == b"2"
    with pytest.raises(TaskFault):
        await leader


async def test_a_reader_waits_for_another_until_its_deadline() -> None:
    runs = Runs()
    runs.hold = asyncio.Event()
    leader = await begin(runs.read(b"1"))
    runs.left = 0.01
    with pytest.raises(TaskFault) as caught:
        await runs.read(b"2")
    runs.hold.set()
    assert (caught.value.reason_code, caught.value.retryable) == ("GRAPH_UNAVAILABLE", True)
    assert await leader == b"1"


@pytest.mark.parametrize("status", [403, 404])
async def test_a_refusal_reaches_the_waiting_readers_and_no_later_one(status: int) -> None:
    runs = Runs()
    runs.hold = asyncio.Event()
    readings = [await begin(runs.read(content, status=status)) for content in (b"1", b"2")]
    runs.hold.set()
    assert await asyncio.gather(*readings) == [b"1", b"1"]
    assert await runs.read(b"3") == b"3"


async def test_a_change_ends_the_readings_of_its_tenant_alone() -> None:
    runs = Runs()
    await runs.read(b"1")
    await runs.read(b"1", of=key(tenant=OTHER))
    runs.readings.drop(use(TENANT.upper()))
    assert await runs.read(b"2") == b"2"
    assert await runs.read(b"2", of=key(tenant=OTHER)) == b"1"


async def test_a_reading_under_way_during_a_change_is_not_kept() -> None:
    runs = Runs()
    runs.hold = asyncio.Event()
    before = await begin(runs.read(b"before"))
    runs.readings.drop(use())
    after = await begin(runs.read(b"after"))
    runs.hold.set()
    assert await asyncio.gather(before, after) == [b"before", b"after"]
    assert await runs.read(b"later") == b"after"


async def test_the_oldest_readings_give_way_when_there_are_too_many() -> None:
    runs = Runs(entries=2)
    for number in range(3):
        await runs.read(b"old", of=key(f"{URL}/{number}"))
    assert [await runs.read(b"new", of=key(f"{URL}/{number}")) for number in (1, 2, 0)] == [b"old", b"old", b"new"]


async def test_the_oldest_readings_give_way_when_they_are_too_large() -> None:
    runs = Runs(size=1000)
    for name in ("a", "b"):
        await runs.read(b"x" * 600, of=key(f"{URL}/{name}"))
    await runs.read(b"x" * 1001, of=key(f"{URL}/c"))
    assert [await runs.read(b"new", of=key(f"{URL}/{name}")) for name in "abc"] == [b"new"] * 3


async def test_a_reading_that_nobody_may_use_is_dropped() -> None:
    runs = Runs()
    await runs.read(b"1")
    runs.clock.now += 61
    await runs.read(b"2", of=key(f"{URL}/2"))
    assert await runs.read(b"3") == b"3"


def test_readings_of_another_identity_are_others() -> None:
    connection = connection_to(TENANT)
    own = ReadingKey.of(TenantConnection(1, connection), URL, {"ConsistencyLevel": "eventual"})
    others = [
        connection_to(OTHER),
        connection_to(TENANT, "another-credential"),
        *(
            type(connection)(**{**as_dict(connection), **change})
            for change in ({"client_id": OTHER}, {"cloud": "china"})
        ),
    ]
    headers = {"ConsistencyLevel": "eventual"}
    keys = [ReadingKey.of(TenantConnection(1, other), URL, headers) for other in others]
    keys += [ReadingKey.of(TenantConnection(1, connection), URL, None)]
    keys += [ReadingKey.of(TenantConnection(1, connection), f"{URL}?$top=1", headers)]

    assert own not in keys
    assert len(set(keys)) == len(keys)
    assert own == ReadingKey.of(TenantConnection(2, connection), URL, headers)


def as_dict(connection: object) -> dict[str, object]:
    return {name: getattr(connection, name) for name in connection.__struct_fields__}  # type: ignore[attr-defined]
