"""Destinations of requests: configured hosts only, the token to Graph, the secret to the token service."""

import asyncio
import time
from collections import Counter
from collections.abc import AsyncIterator

import httpx2
import pytest

from task_runner.providers import Providers, ProviderSettings
from task_runner.providers.http import SharedTransport
from task_runner.tasks import CannotTell, Task, TaskFault, Wait, discover
from task_runner.testing import (
    CREDENTIAL,
    CREDENTIAL_NAME,
    CREDENTIALS,
    EveryTenant,
    connection_to,
    graph_server,
    task_context,
)

OWN = [task for task in discover().values() if task.declaration.distribution == "onboarding-task-runner"]
TENANTS = [f"aaaaaaaa-0000-4000-8000-0000000000{number:02}" for number in range(1, 4)]


class Spy:
    """Notes every request that leaves, and how many are under way to Graph."""

    def __init__(self, real: object) -> None:
        self._real = real
        self.seen: list[tuple[str, bool, bool]] = []
        self.under_way: Counter[str] = Counter()
        self.most: Counter[str] = Counter()

    async def handle(self, transport: SharedTransport, request: httpx2.Request) -> httpx2.Response:
        body = await request.aread()
        self.seen.append(
            (f"{request.url.host}:{request.url.port}", "authorization" in request.headers, CREDENTIAL.encode() in body)
        )
        token = request.headers.get("authorization", "")
        self.under_way[token] += 1
        self.most[token] = max(self.most[token], self.under_way[token])
        try:
            return await self._real(transport, request)  # type: ignore[operator]
        finally:
            self.under_way[token] -= 1


@pytest.fixture
def spy(monkeypatch: pytest.MonkeyPatch) -> Spy:
    monkeypatch.setenv(CREDENTIAL_NAME, CREDENTIAL)
    spy = Spy(SharedTransport.handle_async_request)

    async def handle(transport: SharedTransport, request: httpx2.Request) -> httpx2.Response:
        return await spy.handle(transport, request)

    monkeypatch.setattr(SharedTransport, "handle_async_request", handle)
    return spy


@pytest.mark.parametrize("task", OWN, ids=lambda task: task.name)
async def test_a_task_requests_only_graph_and_the_token_service(task: Task, spy: Spy) -> None:
    async with graph_server() as graph, graph_server() as login:
        settings = {"graph_url": graph.url, "login_url": login.url}
        for server in (graph, login):
            await server.tell(TENANTS[0])
        async with task_context(server=graph, tenant=TENANTS[0], settings=settings) as context:
            try:
                await task(context)
            except (CannotTell, TaskFault, Wait) as ending:
                pytest.fail(f"{task.name} did not answer in a healthy tenant: {ending}")
    at_graph, at_login = (server.url.removeprefix("http://") for server in (graph, login))

    assert {where for where, _, _ in spy.seen} == {at_graph, at_login}
    assert all(token and not secret for where, token, secret in spy.seen if where == at_graph)
    assert all(secret and not token for where, token, secret in spy.seen if where == at_login)


@pytest.fixture
async def providers(spy: Spy) -> AsyncIterator[Providers]:
    async with graph_server() as server:
        for tenant in TENANTS[:2]:
            await server.tell(tenant, "slow", delay_seconds=0.2)
        await server.tell(TENANTS[2])
        limits = ProviderSettings(
            graph_url=server.url,
            login_url=server.url,
            tenant_requests=3,
            tenant_request_rate=1000.0,
            credentials=CREDENTIALS,
        )
        async with Providers(limits, bindings=EveryTenant()) as opened:
            yield opened


async def ask(providers: Providers, tenant: str, times: int, seconds: float = 20.0) -> list[object]:
    context = providers.context_for(
        tenant_id=1, run_id=1, attempt=1, connection=connection_to(tenant), deadline=time.monotonic() + seconds
    )
    return await asyncio.gather(*(context.graph.get("/organization") for _ in range(times)), return_exceptions=True)


async def test_requests_to_one_tenant_are_bounded_over_all_its_runs(spy: Spy, providers: Providers) -> None:
    await asyncio.gather(*(ask(providers, TENANTS[0], 4) for _ in range(3)), ask(providers, TENANTS[1], 2))

    assert sorted(most for token, most in spy.most.items() if token) == [2, 3]


async def test_a_tenant_with_a_long_queue_delays_no_other(providers: Providers) -> None:
    queue = asyncio.create_task(ask(providers, TENANTS[0], 60))
    await asyncio.sleep(0.3)
    began = time.monotonic()
    await ask(providers, TENANTS[2], 3)
    took = time.monotonic() - began
    queue.cancel()

    assert took < 1.0, "the queue of the other lasts four seconds"


async def test_a_request_that_misses_its_deadline_is_a_retryable_fault(providers: Providers) -> None:
    answers = await ask(providers, TENANTS[0], 30, seconds=1.0)

    busy = [answer for answer in answers if isinstance(answer, TaskFault) and answer.reason_code == "TENANT_BUSY"]
    assert busy and all(answer.retryable for answer in busy)
    assert any(isinstance(answer, dict) for answer in answers)
