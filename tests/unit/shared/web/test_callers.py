import asyncio
from typing import Any

import pytest
from litestar import Request, get

from onboarding_shared.web.app import ApiDescription, HttpApplication, build_http
from onboarding_shared.web.callers import while_connected
from tests.unit.shared.web.raw_requests import exchange, http_scope


class Work:
    def __init__(self) -> None:
        self.begun, self.ended = asyncio.Event(), ""

    async def do(self) -> str:
        self.begun.set()
        try:
            await asyncio.sleep(30)
        except asyncio.CancelledError:
            self.ended = "cancelled"
            raise
        return "done"


@pytest.fixture
def work() -> Work:
    return Work()


@pytest.fixture
def app(work: Work) -> HttpApplication:
    @get("/slow")
    async def slow(request: Request[Any, Any, Any]) -> str:
        return await while_connected(request, work.do())

    @get("/quick")
    async def quick(request: Request[Any, Any, Any]) -> str:
        return await while_connected(request, asyncio.sleep(0, "done"))

    return build_http(
        ApiDescription(title="Work"), authenticator=None, routes=[slow, quick], public_paths={"/slow", "/quick"}
    )


async def test_work_stops_when_its_caller_has_left(app: HttpApplication, work: Work) -> None:
    messages = [{"type": "http.request", "body": b"", "more_body": False}]

    async def receive() -> dict[str, Any]:
        if messages:
            return messages.pop()
        await work.begun.wait()
        return {"type": "http.disconnect"}

    async with asyncio.timeout(5):
        sent = await exchange(app, http_scope("/slow"), receive)
    assert work.ended == "cancelled"
    assert sent[0]["status"] == 499


async def test_the_answer_does_not_wait_for_the_caller_to_leave(app: HttpApplication) -> None:
    async def receive() -> dict[str, Any]:
        return await asyncio.Event().wait() or {}

    async with asyncio.timeout(5):
        sent = await exchange(app, http_scope("/quick"), receive)
    assert (sent[0]["status"], sent[1]["body"]) == (200, b"done")
