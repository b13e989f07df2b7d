"""A provider whose every answer a test decides."""

import json
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any

from task_runner.providers import Providers, ProviderSettings
from task_runner.tasks import TaskContext, discover
from task_runner.testing import CREDENTIAL, CREDENTIALS, EveryTenant, connection_to, serving

TASKS = discover()


TENANT = "aaaaaaaa-0000-4000-8000-000000000001"


TOKEN = "a-token-that-nobody-else-may-see"


Reply = tuple[int, dict[str, str], bytes]


Answer = Callable[[str, dict[str, str]], Awaitable[Reply]]


def as_json(body: Any, status: int = 200, **headers: str) -> Reply:
    return status, {"content-type": "application/json", **headers}, json.dumps(body).encode()


@asynccontextmanager
async def context_on(answer: Answer, **settings: Any) -> AsyncIterator[TaskContext]:
    """A context whose provider answers with the given function, called with the path and the request's headers."""

    async def app(scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] == "lifespan":
            while (event := (await receive())["type"]) != "lifespan.shutdown":
                await send({"type": f"{event}.complete"})
            await send({"type": "lifespan.shutdown.complete"})
            return
        headers = {key.decode(): value.decode() for key, value in scope["headers"]}
        status, extra, body = await answer(scope["path"], headers)
        lines = [(key.encode(), value.encode()) for key, value in extra.items()]
        await send({"type": "http.response.start", "status": status, "headers": lines})
        await send({"type": "http.response.body", "body": body})

    async with serving(app) as url:
        limits = {"graph_url": url, "login_url": url, "attempts": 1, "credentials": CREDENTIALS, **settings}
        async with Providers(ProviderSettings(**limits), bindings=EveryTenant()) as providers:
            yield providers.context_for(
                tenant_id=1,
                run_id=1,
                attempt=1,
                connection=connection_to(TENANT),
                deadline=time.monotonic() + 10,
            )


def graph_answers(*replies: Reply) -> Answer:
    """The token service works; Graph gives these replies, the last one for ever."""
    left = list(replies)

    async def answer(path: str, headers: dict[str, str]) -> Reply:
        if path.endswith("/token"):
            return as_json({"access_token": TOKEN, "token_type": "Bearer", "expires_in": 3600})
        return left.pop(0) if len(left) > 1 else left[0]

    return answer


async def reason_code_of(context: TaskContext) -> str:
    result = await TASKS["license.inventory"](context)
    assert result.status.value == "unknown"
    assert TOKEN not in repr(result)
    assert CREDENTIAL not in repr(result)
    return result.reason_code


def always(reply: Reply) -> Answer:
    async def answer(path: str, headers: dict[str, str]) -> Reply:
        return reply

    return answer
