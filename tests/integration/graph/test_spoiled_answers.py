"""No check returns ``ok`` when any single answer is spoiled."""

import asyncio
import json
import os
import time
from collections.abc import Iterator
from contextlib import AsyncExitStack
from typing import Any

import httpx2
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from microsoft_emulator.recorded import EMERGENCY_ACCESS, control_request, guid_of
from microsoft_emulator.tenants import PARTNER_TENANT
from task_runner.providers import Providers, ProviderSettings
from task_runner.tasks import TaskFault, Wait, discover
from task_runner.testing import (
    CLIENT_ID,
    CREDENTIAL,
    CREDENTIAL_NAME,
    CREDENTIALS,
    EveryTenant,
    GraphServer,
    connection_to,
    emulator,
    serving,
)
from tests.support.recorded import EXPECTED

TASKS = discover()
CHECKS = sorted(EXPECTED["healthy"])
STATUSES = ("401", "403", "404", "410", "429", "500", "503")
BODIES = {
    "an HTML page": b"<!doctype html><title>Sign in</title>",
    "no JSON": b'{"value": [',
    "arrays nested without end": b"[" * 100_000,
    "nothing": b"",
    "a list": b"[]",
    "a text": b'"ok"',
    "a null": b"null",
    "an empty object": b"{}",
    "a value that is no list": b'{"value": {"id": "x"}}',
    "a list of something else": b'{"value": [7, null, "x"]}',
}
KINDS = (*STATUSES, *BODIES, "cut in the middle", "too late")
REQUEST_SECONDS = 0.5


class Spoiler:
    """The Graph-shaped server with one answer spoiled: that of request ``number``, each time it is asked for."""

    def __init__(self) -> None:
        self._app: Any = emulator()
        self.kind, self.number, self.asked = "", -1, list[str]()

    def begin(self, kind: str, number: int) -> None:
        self.kind, self.number, self.asked = kind, number, []

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] != "http" or not scope["path"].startswith("/v1.0/"):
            await self._app(scope, receive, send)
            return
        url = f"{scope['path']}?{scope['query_string'].decode()}"
        if url not in self.asked:
            self.asked.append(url)
        spoiled = self.asked.index(url) == self.number
        await (self._spoil(scope, receive, send) if spoiled else self._app(scope, receive, send))

    async def _spoil(self, scope: Any, receive: Any, send: Any) -> None:
        if self.kind == "too late":
            await asyncio.sleep(2 * REQUEST_SECONDS)
        elif self.kind in STATUSES:
            body = json.dumps({"error": {"code": "Spoiled", "message": "Spoiled by the test."}}).encode()
            await self._answer(send, int(self.kind), body)
        elif self.kind in BODIES:
            await self._answer(send, 200, BODIES[self.kind])
        else:
            whole = bytearray()

            async def keep(event: Any) -> None:
                whole.extend(event.get("body", b""))

            await self._app(scope, receive, keep)
            await self._answer(send, 200, bytes(whole[: len(whole) // 2]))

    async def _answer(self, send: Any, status: int, body: bytes) -> None:
        headers = [(b"content-type", b"application/json"), (b"content-length", str(len(body)).encode())]
        await send({"type": "http.response.start", "status": status, "headers": headers})
        await send({"type": "http.response.body", "body": body})


class World:
    """One server and one event loop for all examples."""

    def __init__(self) -> None:
        self._runner, self._stack = asyncio.Runner(), AsyncExitStack()
        self.spoiler = Spoiler()
        self._runner.run(self._start())
        self.requests = {name: self._count(name) for name in CHECKS}

    async def _start(self) -> None:
        os.environ.setdefault(CREDENTIAL_NAME, CREDENTIAL)
        url = await self._stack.enter_async_context(serving(self.spoiler))
        server = GraphServer(url, await self._stack.enter_async_context(httpx2.AsyncClient(trust_env=False)))
        control = {**control_request("healthy", CLIENT_ID), "conditional_access_rate": None}
        await server.tell(guid_of("healthy"), **control)
        limits: dict[str, Any] = {
            "attempts": 1,
            "request_timeout": REQUEST_SECONDS,
            "tenant_request_rate": 10_000.0,
            "service_limits": {},
            "shared_reading_seconds": 0.0,
        }
        hosts = {"graph_url": url, "login_url": url, "partner_tenant_id": PARTNER_TENANT}
        told = ProviderSettings(**hosts, **limits, emergency_access=EMERGENCY_ACCESS, credentials=CREDENTIALS)
        self._providers = await self._stack.enter_async_context(Providers(told, bindings=EveryTenant()))

    def _count(self, name: str) -> int:
        """The requests of a check that nothing spoils. A machine that stands still for a moment gets another try."""
        assert "ok" in (self.status(name, "", -1) for _ in range(5))
        return len(self.spoiler.asked)

    def status(self, name: str, kind: str, number: int) -> str:
        """The check status that a task ends with, spoiled or not."""
        self.spoiler.begin(kind, number)
        return self._runner.run(self._status(name))

    async def _status(self, name: str) -> str:
        context = self._providers.context_for(
            tenant_id=1,
            run_id=1,
            attempt=1,
            connection=connection_to(guid_of("healthy")),
            deadline=time.monotonic() + 10,
        )
        try:
            return (await TASKS[name](context)).status.value
        except (TaskFault, Wait):
            return "unknown"

    def close(self) -> None:
        self._runner.run(self._stack.aclose())
        self._runner.close()


@pytest.fixture(scope="module")
def world() -> Iterator[World]:
    made = World()
    yield made
    made.close()


@settings(max_examples=200, deadline=None)
@given(data=st.data())
def test_no_check_is_ok_when_any_single_answer_is_spoiled(world: World, data: st.DataObject) -> None:
    name = data.draw(st.sampled_from(CHECKS))
    number = data.draw(st.integers(0, world.requests[name] - 1))
    kind = data.draw(st.sampled_from(KINDS))

    assert world.status(name, kind, number) != "ok"


@pytest.mark.parametrize("name", CHECKS)
def test_each_answer_that_a_check_asks_for_matters_to_it(world: World, name: str) -> None:
    statuses = [world.status(name, "503", number) for number in range(world.requests[name])]

    assert statuses == ["unknown"] * world.requests[name]
