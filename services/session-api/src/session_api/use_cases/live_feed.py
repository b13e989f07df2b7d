"""The live feed: what happens to tenants, told to the streams that are open in this process.

Each instance reads the topics itself, so a stream may be at any of them. What is told is read from Kafka alone; nothing
of it is stored.
"""

import asyncio
import hashlib
from collections.abc import Callable, Iterator, Mapping

import msgspec

from onboarding_shared.contracts.cloudevents import Received
from onboarding_shared.contracts.run_keys import RunKeys
from onboarding_shared.contracts.task_runner import TaskTypesAnnounced
from onboarding_shared.contracts.topics import EVIDENCE, OPERATION_RUNS, SESSIONS, TASK_TYPES
from onboarding_shared.contracts.types import PLATFORM_TENANT
from onboarding_shared.messaging.log_follower import FOLLOWER_UP, LogFollower, Place
from onboarding_shared.process.message_settings import KafkaSettings
from onboarding_shared.telemetry.metrics import Live, Reading
from onboarding_shared.web.event_streams import MOST_BYTES, MOST_FRAMES, Frames
from session_api.domain.live_events import EventType, ReloadReason, data_of, event_of, frame, heartbeat, reload_frame
from session_api.metrics import STREAMS_CUT_OFF, STREAMS_OPEN
from session_api.settings import StreamSettings
from session_api.use_cases.event_buffer import EventBuffer
from session_api.use_cases.stream_ids import StreamIds

TOPICS = (SESSIONS, OPERATION_RUNS, EVIDENCE, TASK_TYPES)
"""The order in the ids of events: a further topic is added at the end."""
_PARTITIONS = 48
"""Approximate number of partitions, over which the records that are read at the start are divided."""
_READY_SECONDS = 2.0

Wants = Callable[[int], bool]
"""Says of a tenant whether its events are told."""


class FeedUnavailable(Exception):
    """The topics are not read at present, or the process stops."""


class LiveStream:
    """One open stream: of one tenant, or of all tenants that ``wants`` selects."""

    def __init__(self, feed: "LiveFeed", tenant_id: int | None, wants: Wants) -> None:
        self.frames = Frames()
        self.tenant_id = tenant_id
        self._feed = feed
        self._wants = wants

    def wants(self, tenant_id: int) -> bool:
        """Return True for its tenants, and for the platform, whose catalogue is for everybody."""
        if tenant_id == PLATFORM_TENANT:
            return True
        return self._wants(tenant_id) if self.tenant_id is None else tenant_id == self.tenant_id

    def heartbeat(self) -> bytes:
        """The frame for a client that had nothing to read for a while."""
        return self._feed.heartbeat()

    def leave(self) -> None:
        """Nobody reads the stream any more."""
        self._feed.leave(self)


class LiveFeed:
    """Reads the topics, and tells each open stream the events of its tenants."""

    def __init__(self, kafka: KafkaSettings, settings: StreamSettings, run_keys: RunKeys, ids: StreamIds) -> None:
        self._ids = ids
        self._buffer = EventBuffer(
            [topic.name for topic in TOPICS],
            most_events=settings.events,
            most_bytes=settings.events_mb * 1024 * 1024,
        )
        self._follower = LogFollower(
            kafka, TOPICS, self, look_back=max(1, settings.events // _PARTITIONS), run_keys=run_keys
        )
        self._of_tenant: dict[int, set[LiveStream]] = {}
        self._of_many: set[LiveStream] = set()
        self._ready = asyncio.Event()
        self._catalogue: bytes | None = None
        self.announced: TaskTypesAnnounced | None = None
        """The latest announcement of task types; None until one has been read."""
        self._stopping = False

    def start(self) -> None:
        """Start to read the topics in the background."""
        self._follower.start()

    async def stop(self) -> None:
        """End the streams and stop reading."""
        self.end_streams()
        await self._follower.stop()

    def end_streams(self) -> None:
        """End every stream, and open none any more: their clients resume at another instance."""
        self._stopping = True
        for stream in [*self._streams()]:
            stream.frames.close()

    async def open(self, tenant_id: int | None, wants: Wants, last_event_id: str | None) -> LiveStream:
        """Open a stream, which begins now or after ``last_event_id``. Raises ``FeedUnavailable``."""
        await self._until_ready()
        # What is no id of ours is no position either.
        last = None if last_event_id is None else self._ids.opened(last_event_id) or b""
        replaced = last is not None and await self._is_beyond_the_end(last)
        if self._stopping or not self._ready.is_set():
            raise FeedUnavailable
        stream = LiveStream(self, tenant_id, wants)
        stream.frames.put(self.heartbeat() if last is None else b": resumed\n\n")
        if last is not None:
            self._resume(stream, last, replaced=replaced)
        if tenant_id is None:
            self._of_many.add(stream)
        else:
            self._of_tenant.setdefault(tenant_id, set()).add(stream)
        return stream

    def leave(self, stream: LiveStream) -> None:
        """Tell the stream no more."""
        self._of_many.discard(stream)
        if stream.tenant_id is not None and (others := self._of_tenant.get(stream.tenant_id)):
            others.discard(stream)
            if not others:
                del self._of_tenant[stream.tenant_id]

    def heartbeat(self) -> bytes:
        """A frame without an event, with the present position."""
        return heartbeat(self._new_id())

    def gauges(self) -> Live:
        """The metrics of the feed."""

        def measure() -> Iterator[Reading]:
            yield Reading(STREAMS_OPEN, float(sum(1 for _ in self._streams())))
            yield Reading(FOLLOWER_UP, float(self._follower.progress.connected))

        return Live((STREAMS_OPEN, FOLLOWER_UP), measure)

    def began(self, starts: Mapping[Place, int]) -> None:
        """See ``LogListener``."""
        self._buffer.begin(starts)

    def take(self, place: Place, offset: int, message: Received | None) -> None:
        """See ``LogListener``."""
        self._buffer.passed(place, offset)
        if message is not None and isinstance(message.message, TaskTypesAnnounced):
            self.announced = message.message
        told = None if message is None else event_of(message)
        if message is None or told is None:
            return
        event_type, members = told
        if event_type is EventType.CATALOGUE and not self._is_another_catalogue(message):
            return
        event = frame(event_type, data_of(message, event_type, members), self._new_id())
        self._buffer.add(place, offset, message.tenant_id, event)
        for stream in self._interested(message.tenant_id):
            stream.frames.put(event)

    def caught_up(self) -> None:
        """See ``LogListener``."""
        self._ready.set()

    def lost(self) -> None:
        """See ``LogListener``."""
        self._ready.clear()
        self._buffer.clear()
        for stream in [*self._streams()]:
            stream.frames.put(reload_frame(ReloadReason.LOG_REPLACED, None))

    async def _until_ready(self) -> None:
        try:
            async with asyncio.timeout(_READY_SECONDS):
                await self._ready.wait()
        except TimeoutError:
            raise FeedUnavailable from None

    async def _is_beyond_the_end(self, position: bytes) -> bool:
        """Return True for a position that Kafka does not have: it counts records of a log that was lost."""
        ahead = self._buffer.ahead(position)
        if not ahead:
            return False
        try:
            ends = await self._follower.ends()
        except Exception as error:
            raise FeedUnavailable from error
        return any(offset > ends.get(place, 0) for place, offset in ahead.items())

    def _resume(self, stream: LiveStream, position: bytes, *, replaced: bool) -> None:
        missed = (
            ReloadReason.LOG_REPLACED
            if replaced
            else self._buffer.since(position, stream.wants, most=MOST_FRAMES // 2, most_bytes=MOST_BYTES // 2)
        )
        if isinstance(missed, ReloadReason):
            stream.frames.put(reload_frame(missed, self._new_id()))
            return
        for event in missed:
            stream.frames.put(event)

    def _new_id(self) -> str | None:
        position = self._buffer.position()
        return None if position is None else self._ids.sealed(position)

    def _interested(self, tenant_id: int) -> list[LiveStream]:
        if tenant_id == PLATFORM_TENANT:
            return [*self._streams()]
        return [*self._of_tenant.get(tenant_id, ()), *(stream for stream in self._of_many if stream.wants(tenant_id))]

    def _streams(self) -> Iterator[LiveStream]:
        yield from self._of_many
        for streams in self._of_tenant.values():
            yield from streams

    def _is_another_catalogue(self, message: Received) -> bool:
        """Return True for other task types than were announced last: runners repeat theirs every minute."""
        before, self._catalogue = self._catalogue, hashlib.sha256(msgspec.json.encode(message.message)).digest()
        return self._catalogue != before


def count_cut_off() -> None:
    """Count a stream whose client did not read its events."""
    STREAMS_CUT_OFF.inc()
