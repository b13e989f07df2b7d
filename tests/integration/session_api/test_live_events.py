"""Streams of events over HTTP, fed from a real broker."""

import asyncio
import socket
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack, ExitStack
from pathlib import Path
from typing import Any

import pytest

from onboarding_devstack.identity import Identity
from onboarding_shared.contracts.topics import SESSIONS
from onboarding_shared.web import event_streams
from session_api.domain.stream_positions import Place, decoded, encoded
from session_api.metrics import STREAMS_CUT_OFF
from session_api.settings import SessionApiSettings, StreamSettings
from session_api.use_cases.live_feed import TOPICS
from session_api.use_cases.stream_ids import StreamIds
from tests.integration.session_api.live_harness import SECRETS, Instance, Publisher, live_settings
from tests.integration.shared.test_hostile_records import KINDS
from tests.support import hostile
from tests.support.engines import free_port, kafka_broker, kafka_settings
from tests.support.waiting import eventually

ALL = "/onboarding/events"

Start = Callable[..., Awaitable[Instance]]


def sealed(offsets: dict[Place, int]) -> str:
    """The id of an event at these offsets."""
    return StreamIds(SECRETS).sealed(encoded(offsets, [topic.name for topic in TOPICS]) or b"")


def events_of(tenant_id: int) -> str:
    return f"/tenants/{tenant_id}/onboarding/events"


@pytest.fixture
async def publisher(kafka: str) -> AsyncIterator[Publisher]:
    made = Publisher(kafka)
    await made.start()
    yield made
    await made.stop()


@pytest.fixture
async def start(settings: SessionApiSettings, identity: Identity, kafka: str) -> AsyncIterator[Start]:
    instances: list[Instance] = []

    async def start_one(**more: Any) -> Instance:
        made = Instance(await live_settings(settings.database.url, identity, kafka, **more), identity)
        instances.append(made)
        return await made.start()

    yield start_one
    for instance in instances:
        await instance.close()


async def test_a_tenants_events_come_in_their_order(start: Start, publisher: Publisher) -> None:
    instance = await start()
    async with instance.stream(events_of(5101), [5101]) as stream:
        for run_id in range(1, 31):
            await publisher.run(5101, run_id)

        assert await stream.runs(30) == list(range(1, 31))


async def test_an_edit_over_http_is_told_at_once(start: Start) -> None:
    instance = await start()
    async with instance.stream(events_of(5102), [5102]) as stream:
        began = time.monotonic()
        opened = await instance.client([5102]).post("/tenants/5102/onboarding/session")
        session, lock = await stream.event(), await stream.event()

    assert time.monotonic() - began < 3
    assert (session.type, session.data["change"], session.data["sequence"]) == ("session", "started", 1)
    assert (lock.type, lock.data["locked_by_user_id"], lock.data["sequence"]) == ("lock", 7, 2)
    assert lock.data["session_id"] == opened.json()["id"]


async def test_a_stream_has_the_events_of_its_tenants_alone(start: Start, publisher: Publisher) -> None:
    instance = await start()
    granted = {5103: ["onboarding.read"], 5104: ["onboarding.read"], 5105: ["onboarding.write"]}
    async with instance.stream(events_of(5103), granted) as of_one, instance.stream(ALL, granted) as of_all:
        for tenant_id in (5106, 5105, 5104, 5103):
            await publisher.run(tenant_id, tenant_id)

        assert await of_one.runs(1) == [5103]
        assert sorted(await of_all.runs(2)) == [5103, 5104]
        await publisher.run(5103, 9)  # whatever was foreign would have come before
        assert await of_one.runs(1) == await of_all.runs(1) == [9]


async def test_resuming_shows_no_foreign_events_either(start: Start, publisher: Publisher) -> None:
    instance = await start()
    async with instance.stream(ALL, [5107]) as stream:
        position = stream.last_id
        for tenant_id in (5108, 5107):
            await publisher.run(tenant_id, tenant_id)
        await stream.runs(1)
    async with instance.stream(ALL, [5107], last_id=position) as resumed:
        assert await resumed.runs(1) == [5107]
        await publisher.run(5107, 9)
        assert await resumed.runs(1) == [9]
    async with instance.stream(events_of(5108), [5108], last_id=position) as other:
        assert await other.runs(1) == [5108]


async def test_a_stream_needs_the_permission_to_read(start: Start) -> None:
    instance = await start()
    answer = await instance.client({5109: ["onboarding.write"]}).get(events_of(5109))

    assert (answer.status_code, answer.json()["code"]) == (403, "PERMISSION_MISSING")
    assert (await instance.client([5109]).get(events_of(5110))).status_code == 404


async def test_a_stream_resumes_at_another_instance(start: Start, publisher: Publisher) -> None:
    first = await start()
    async with first.stream(events_of(5111), [5111]) as stream:
        await publisher.run(5111, 1)
        await stream.runs(1)
        position = stream.last_id
    await first.stop()
    await publisher.run(5111, 2)
    second = await start()
    await publisher.run(5111, 3)

    async with second.stream(events_of(5111), [5111], last_id=position) as resumed:
        assert await resumed.runs(2) == [2, 3]


async def test_an_idle_position_of_another_tenant_resumes_too(start: Start, publisher: Publisher) -> None:
    instance = await start()
    async with instance.stream(events_of(5112), [5112]) as stream:
        position = stream.last_id
    await publisher.run(5113, 1)
    await publisher.run(5112, 2)

    async with instance.stream(events_of(5112), [5112], last_id=position) as resumed:
        assert await resumed.runs(1) == [2]


@pytest.mark.parametrize(
    ("last_id", "reason"),
    [("rubbish", "position_unknown"), (sealed({}), "position_too_old")],
    ids=["rubbish", "before all events"],
)
async def test_a_position_that_cannot_be_resumed_asks_to_reload(
    start: Start, publisher: Publisher, last_id: str, reason: str
) -> None:
    for session_id in range(1, 4):
        await publisher.session(5114, session_id, partition=0)
    instance = await start(streams=StreamSettings.model_construct(most=9, most_of_caller=9, events=50, events_mb=1))
    async with instance.stream(events_of(5114), [5114], last_id=last_id) as stream:
        event = await stream.event()
        await publisher.run(5114, 7)

        assert (event.type, event.data["reason"]) == ("reload", reason)
        assert await stream.runs(1) == [7]


async def test_a_position_beyond_the_log_asks_to_reload(start: Start) -> None:
    instance = await start()
    async with instance.stream(events_of(5115), [5115]) as stream:
        position = StreamIds(SECRETS).opened(stream.last_id or "") or b""
        offsets = decoded(position, [topic.name for topic in TOPICS]) or {}

    async with instance.stream(events_of(5115), [5115], last_id=sealed(dict.fromkeys(offsets, 10**12))) as stream:
        assert (await stream.event()).data["reason"] == "log_replaced"


async def test_hostile_records_stop_no_stream(start: Start, publisher: Publisher, kafka: str) -> None:
    instance = await start()
    async with instance.stream(events_of(5116), [5116]) as stream:
        for number, (content, _) in enumerate(KINDS.values(), start=1):
            await hostile.produce(kafka_settings(kafka), SESSIONS.name, 0, [content])
            await publisher.session(5116, number, partition=0)
            assert (await stream.event()).data["session_id"] == number


async def test_only_who_got_the_command_is_told_about_a_run(start: Start, publisher: Publisher) -> None:
    instance = await start()
    async with instance.stream(events_of(5117), [5117]) as stream:
        await publisher.run(5117, 1, secrets=("f" * 32,))
        await publisher.run(5117, 2)

        assert await stream.runs(1) == [2]


async def test_a_stream_ends_when_its_token_expires(start: Start, publisher: Publisher) -> None:
    instance = await start()
    began = time.monotonic()
    async with instance.stream(events_of(5118), [5118], lifetime=2) as stream:
        await publisher.run(5118, 1)

        assert await stream.until_end() == ["run"]
    assert 0.5 < time.monotonic() - began < 4


async def test_a_stream_ends_when_the_key_of_its_token_is_withdrawn(
    settings: SessionApiSettings, kafka: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(event_streams, "RECHECK_SECONDS", 0.3)
    identity = Identity(tmp_path)
    identity.ensure()
    instance = Instance(await live_settings(settings.database.url, identity, kafka), identity)
    await instance.start()
    try:
        async with instance.stream(events_of(5130), [5130]) as stream:
            await asyncio.sleep(0.7)
            assert (await stream.block()).type is None
            identity.jwks.write_text('{"keys": []}')
            assert await stream.until_end() == []
    finally:
        await instance.close()


async def test_a_stop_ends_streams_at_once(start: Start) -> None:
    instance = await start()
    async with AsyncExitStack() as stack:
        streams = [await stack.enter_async_context(instance.stream(ALL, [5119])) for _ in range(5)]
        began = time.monotonic()
        await instance.stop()

        assert [await stream.until_end() for stream in streams] == [[]] * 5
    assert time.monotonic() - began < 5


async def test_a_client_that_does_not_read_is_cut_off(start: Start, publisher: Publisher) -> None:
    instance = await start()
    before = STREAMS_CUT_OFF._value.get()
    request = f"GET {events_of(5120)} HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {instance.token(7, [5120])}\r\n\r\n"
    with socket.socket() as silent:
        silent.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        await asyncio.get_running_loop().run_in_executor(None, silent.connect, ("127.0.0.1", instance.port))
        silent.sendall(request.encode())
        await eventually(lambda: len(instance.service.feed._of_tenant), equals=1)
        async with instance.stream(events_of(5120), [5120]) as reader:
            for _ in range(30):
                await asyncio.gather(*(publisher.run(5120, run_id, message="x" * 4_000) for run_id in range(1, 101)))
                assert sorted(await reader.runs(100)) == [*range(1, 101)]
                if STREAMS_CUT_OFF._value.get() > before:
                    break

    assert STREAMS_CUT_OFF._value.get() == before + 1
    await eventually(lambda: len(instance.service.feed._of_tenant), equals=0)


async def test_streams_of_a_caller_and_of_all_are_limited(start: Start) -> None:
    limits = StreamSettings.model_construct(most=3, most_of_caller=2, events=100, events_mb=1)
    instance = await start(streams=limits)
    async with instance.stream(ALL, [5121], user=7), instance.stream(ALL, [5121], user=8):
        async with instance.stream(ALL, [5121], user=7):
            of_caller = await instance.client([5121], user=7).get(ALL)
            of_all = await instance.client([5121], user=9).get(ALL)
        await eventually(lambda: len(instance.service.feed._of_many), equals=2)
        async with instance.stream(ALL, [5121], user=9):
            pass

    assert (of_caller.status_code, of_caller.json()["code"]) == (429, "TOO_MANY_STREAMS")
    assert (of_all.status_code, of_all.json()["code"]) == (503, "STREAMS_FULL")
    assert of_caller.headers["retry-after"] == of_all.headers["retry-after"] == "5"


async def test_streams_take_no_places_of_other_requests(start: Start, settings: SessionApiSettings) -> None:
    instance = await start(http=settings.http.model_copy(update={"port": 0, "max_connections_per_address": 3}))
    async with AsyncExitStack() as stack:
        for user in range(1, 9):
            await stack.enter_async_context(instance.stream(ALL, [5122], user=user))

        assert (await instance.client([5122]).get("/onboarding/reason-codes")).status_code == 200


async def test_an_idle_stream_has_heartbeats_with_its_position(
    start: Start, publisher: Publisher, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(event_streams, "HEARTBEAT_SECONDS", 0.3)
    instance = await start()
    async with instance.stream(events_of(5123), [5123]) as stream:
        before = stream.last_id
        await publisher.run(5124, 1)
        await asyncio.sleep(0.5)
        blocks = [await stream.block() for _ in range(4)]

    assert [block.type for block in blocks] == [None] * 4
    assert blocks[-1].id not in (None, before)


async def test_without_kafka_a_stream_is_refused(settings: SessionApiSettings, identity: Identity) -> None:
    http = settings.http.model_copy(update={"port": 0})
    instance = await Instance(settings.model_copy(update={"http": http}), identity).start()
    try:
        answer = await instance.client([5125]).get(events_of(5125))
    finally:
        await instance.close()

    assert (answer.status_code, answer.json()["code"]) == (503, "DEPENDENCY_DOWN")
    assert int(answer.headers["retry-after"]) >= 1


async def test_a_head_of_a_stream_ends(start: Start) -> None:
    instance = await start()
    answer = await instance.client([5126]).head(events_of(5126))

    assert (answer.status_code, answer.headers["content-type"]) == (200, "text/event-stream")


async def test_a_stream_is_neither_cached_nor_buffered(start: Start) -> None:
    instance = await start()
    async with instance.stream(events_of(5127), [5127]) as stream:
        headers = stream.answer.headers

    assert (headers["content-type"], headers["cache-control"]) == ("text/event-stream", "no-store")
    assert headers["x-accel-buffering"] == "no"


async def test_a_client_that_leaves_frees_its_place(start: Start) -> None:
    instance = await start()
    async with instance.stream(events_of(5128), [5128]):
        assert len(instance.service.feed._of_tenant) == 1

    await eventually(lambda: len(instance.service.feed._of_tenant), equals=0)


async def test_a_lost_log_asks_open_streams_to_reload(settings: SessionApiSettings, identity: Identity) -> None:
    port = free_port()
    with ExitStack() as first:
        address = first.enter_context(kafka_broker(port))
        instance = Instance(await live_settings(settings.database.url, identity, address), identity)
        await instance.start()
        async with AsyncExitStack() as stack:
            stack.push_async_callback(instance.close)
            stream = await stack.enter_async_context(instance.stream(events_of(5129), [5129]))
            await published(address, 5129, [1, 2, 3])
            assert await stream.runs(3) == [1, 2, 3]
            first.close()

            with kafka_broker(port):
                await live_settings(settings.database.url, identity, address)
                event = await stream.event(seconds=60)
                assert (event.type, event.data["reason"]) == ("reload", "log_replaced")
                await published(address, 5129, [4])
                assert await stream.runs(1) == [4]


async def published(address: str, tenant_id: int, run_ids: list[int]) -> None:
    publisher = Publisher(address)
    await publisher.start()
    for run_id in run_ids:
        await publisher.run(tenant_id, run_id)
    await publisher.stop()
