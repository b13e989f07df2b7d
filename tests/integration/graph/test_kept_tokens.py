"""Tokens outlast the sessions that requested them."""

import ssl
import time
from collections import Counter
from collections.abc import AsyncIterator
from typing import Any

import httpx2
import pytest

from task_runner.providers import Providers, ProviderSettings
from task_runner.testing import (
    CREDENTIAL,
    CREDENTIAL_NAME,
    CREDENTIALS,
    EveryTenant,
    GraphServer,
    connection_to,
    emulator,
    serving,
)

FIRST, SECOND, THIRD = (f"aaaaaaaa-0000-4000-8000-00000000000{number}" for number in (1, 2, 3))


class Asked:
    """The emulator, and how often each tenant was asked for a token."""

    def __init__(self) -> None:
        self._app = emulator()
        self.tokens: Counter[str] = Counter()

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] == "http" and scope["path"].endswith("/token"):
            self.tokens[scope["path"].split("/")[1]] += 1
        await self._app(scope, receive, send)


@pytest.fixture
async def asked(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[tuple[Asked, str]]:
    monkeypatch.setenv(CREDENTIAL_NAME, CREDENTIAL)
    app = Asked()
    async with serving(app) as url, httpx2.AsyncClient(verify=ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)) as client:
        server = GraphServer(url, client)
        for tenant in (FIRST, SECOND, THIRD):
            await server.tell(tenant)
        yield app, url


async def read(providers: Providers, tenant: str) -> None:
    context = providers.context_for(
        tenant_id=1, run_id=1, attempt=1, connection=connection_to(tenant), deadline=time.monotonic() + 30.0
    )
    await context.graph.get("/organization")


def settings(url: str, **more: Any) -> ProviderSettings:
    return ProviderSettings(graph_url=url, login_url=url, credentials=CREDENTIALS, max_sessions=1, **more)


async def test_a_customer_that_returns_needs_no_other_token(asked: tuple[Asked, str]) -> None:
    app, url = asked
    async with Providers(settings(url), bindings=EveryTenant()) as providers:
        for tenant in (FIRST, SECOND, FIRST, SECOND):
            await read(providers, tenant)
    assert app.tokens == {FIRST: 1, SECOND: 1}


async def test_only_the_latest_tokens_are_kept(asked: tuple[Asked, str]) -> None:
    app, url = asked
    async with Providers(settings(url, max_tokens=1), bindings=EveryTenant()) as providers:
        for tenant in (FIRST, SECOND, THIRD, FIRST):
            await read(providers, tenant)
    assert app.tokens == {FIRST: 2, SECOND: 1, THIRD: 1}


async def test_a_kept_token_is_renewed_when_a_run_asks_for_it(asked: tuple[Asked, str]) -> None:
    app, url = asked
    async with Providers(settings(url), bindings=EveryTenant()) as providers:
        await read(providers, FIRST)
        await read(providers, SECOND)
        context = providers.context_for(
            tenant_id=1, run_id=1, attempt=1, connection=connection_to(FIRST), deadline=time.monotonic() + 30.0
        )
        await context.graph.renew_token()
    assert app.tokens[FIRST] == 2
