"""The events on Kafka, for tests: read in the background, and waited for."""

import asyncio
import collections
import threading
import time
from collections.abc import Callable
from concurrent.futures import CancelledError, Future
from typing import Self

from onboarding_devstack.event_log import KNOWN_TYPES, Event, EventReader, full_type, matches, short_type
from onboarding_testing.background import BackgroundLoop

KEPT = 100_000
"""The number of events that are kept; of more the oldest are forgotten."""
_POLL_SECONDS = 0.2
_CLOSE_SECONDS = 10.0


class EventMissing(AssertionError):
    """No such event came in time; the message says which ones came instead."""


class Events:
    """All events since the beginning of the reader, in the order of each tenant and topic; use with ``with``.

    An event is a CloudEvent as a plain dict, such as::

        {"type": "org.onboarding.EvidenceRecorded.v1", "subject": "evidence/1", "partitionkey": "1001",
         …, "data": {"type": "EvidenceRecorded", "tenant_id": 1001, "run_id": 1, "status": "ok", …}}

    No consumer group is used: it takes no event from the service that is tested, and waits for no group to form.
    """

    def __init__(self, loop: BackgroundLoop, reader: Callable[[], EventReader]) -> None:
        self._loop = loop
        self._make_reader = reader
        self._seen: collections.deque[Event] = collections.deque(maxlen=KEPT)
        self._changed = threading.Condition()
        self._opened = threading.Event()
        self._closed = threading.Event()
        self._reading: Future[None] | None = None

    def __enter__(self) -> Self:
        """Begin to read; returns when it is certain which event will be the first one."""
        self._reading = self._loop.start(self._read())
        self._reading.add_done_callback(lambda ended: self._opened.set())
        self._opened.wait()
        self._raise_if_ended()
        return self

    def __exit__(self, *_: object) -> None:
        if self._reading is not None and not self._reading.done():
            self._reading.cancel()
            self._closed.wait(_CLOSE_SECONDS)

    def wait_for(self, type: str, *, tenant: int | None = None, timeout: float = 30.0, **data: object) -> Event:
        """The first event of this type, also if it came before this call.

        ``type`` is a name such as ``RunFinished``, or a whole CloudEvents type. ``data`` are members that the message
        must have, such as ``run_id=17``. Raises ``EventMissing`` after ``timeout`` seconds, and ``ValueError`` for a
        name that no event has.
        """
        deadline = time.monotonic() + timeout
        with self._changed:
            while not (events := self._matching(type, tenant, data)):
                self._raise_if_ended()
                left = deadline - time.monotonic()
                if left <= 0:
                    raise EventMissing(self._explained(type, tenant, data, timeout))
                self._changed.wait(min(left, 1.0))
            return events[0]

    def all(self, type: str | None = None, *, tenant: int | None = None, **data: object) -> list[Event]:
        """The events that have come so far: those of this type, tenant and data."""
        with self._changed:
            return self._matching(type, tenant, data)

    def _matching(self, name: str | None, tenant: int | None, data: dict[str, object]) -> list[Event]:
        if name is not None and "." not in name and name not in KNOWN_TYPES:
            raise ValueError(f"no event has the type {name!r}; choose from {', '.join(KNOWN_TYPES)}")
        types = () if name is None else (full_type(name),)
        return [
            event for event in self._seen if matches(event, types, tenant) and data.items() <= event["data"].items()
        ]

    def _explained(self, name: str, tenant: int | None, data: dict[str, object], timeout: float) -> str:
        """The expected event, and the events that came instead."""
        wanted = " with ".join(filter(None, [name, ", ".join(f"{key}={value!r}" for key, value in data.items())]))
        whose = "" if tenant is None else f" of tenant {tenant}"
        others = collections.Counter(short_type(event) for event in self._matching(None, tenant, {}))
        came = ", ".join(f"{count} {other}" for other, count in sorted(others.items())) or "none"
        return f"no {wanted}{whose} within {timeout:g} s; events{whose} that came: {came}"

    def _raise_if_ended(self) -> None:
        if self._reading is not None and self._reading.done():
            try:
                self._reading.result()
            except CancelledError:
                raise RuntimeError("the reader of these events has been closed") from None

    async def _read(self) -> None:
        try:
            async with self._make_reader() as reader:
                self._opened.set()
                while True:
                    events = await reader.read(_POLL_SECONDS)
                    with self._changed:
                        self._seen.extend(events)
                        self._changed.notify_all()
                    await asyncio.sleep(0)
        finally:
            self._closed.set()
