"""Waiting for events, on a reader that says what comes."""

import asyncio
from collections.abc import Iterator
from typing import Any

import pytest

from onboarding_testing.background import BackgroundLoop
from onboarding_testing.events import EventMissing, Events


def event(name: str, tenant: int, **data: object) -> dict[str, Any]:
    return {"type": f"org.onboarding.{name}.v1", "partitionkey": str(tenant), "data": {"tenant_id": tenant, **data}}


class Scripted:
    """A reader with these events, one a call; then it fails, or waits."""

    def __init__(self, *events: dict[str, Any], failure: Exception | None = None) -> None:
        self._events = list(events)
        self._failure = failure

    async def __aenter__(self) -> "Scripted":
        return self

    async def __aexit__(self, *_: object) -> None:
        return None

    async def read(self, seconds: float) -> list[dict[str, Any]]:
        if self._events:
            return [self._events.pop(0)]
        if self._failure is not None:
            raise self._failure
        await asyncio.sleep(seconds)
        return []


@pytest.fixture
def loop() -> Iterator[BackgroundLoop]:
    with BackgroundLoop() as loop:
        yield loop


def reading(loop: BackgroundLoop, *events: dict[str, Any], failure: Exception | None = None) -> Events:
    reader: Any = Scripted(*events, failure=failure)
    return Events(loop, lambda: reader)


def test_the_first_event_of_type_tenant_and_data_is_returned(loop: BackgroundLoop) -> None:
    wanted = event("RunFinished", 2, run_id=17)
    others = [event("RunStarted", 2, run_id=17), event("RunFinished", 1, run_id=17), event("RunFinished", 2, run_id=16)]
    with reading(loop, *others, wanted) as events:
        assert events.wait_for("RunFinished", tenant=2, run_id=17) is wanted
        assert events.wait_for("org.onboarding.RunFinished.v1", tenant=2, run_id=17) is wanted


def test_a_missing_event_says_what_came_instead(loop: BackgroundLoop) -> None:
    came = [event("RunStarted", 2), event("RunStarted", 2), event("RunFinished", 1)]
    with reading(loop, *came) as events, pytest.raises(EventMissing) as missing:
        events.wait_for("EvidenceRecorded", tenant=2, timeout=1.0, run_id=17)
    assert str(missing.value) == (
        "no EvidenceRecorded with run_id=17 of tenant 2 within 1 s; events of tenant 2 that came: 2 RunStarted"
    )


def test_a_misspelt_type_is_not_waited_for(loop: BackgroundLoop) -> None:
    with reading(loop) as events, pytest.raises(ValueError, match="no event has the type 'RunFinnished'"):
        events.wait_for("RunFinnished")


def test_a_reader_that_failed_is_not_waited_for(loop: BackgroundLoop) -> None:
    refused = reading(loop, event("RunStarted", 1), failure=ConnectionError("refused"))
    with pytest.raises(ConnectionError, match="refused"), refused as events:
        events.wait_for("RunFinished", timeout=60.0)
