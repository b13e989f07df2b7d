"""Test support for task authors: runs a task against a local server that emulates Microsoft Graph.

    async def test_my_check_passes_in_a_healthy_tenant():
        async with task_context() as context:
            result = await my_check(context)
        assert result.reason_code == "MY_CHECK_OK"

``task_context(behaviour="throttling", times=2)`` sets the tenant's behaviour; ``overrides`` replaces responses.
"""

import asyncio
import os
import socket
import ssl
import time
import uuid
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager, nullcontext
from typing import Any

import httpx2
import uvicorn
from litestar.types import ASGIApp

from microsoft_emulator.app import build
from microsoft_emulator.tenants import PARTNER_TENANT
from onboarding_shared.contracts.task_runner import Progress
from task_runner.providers import Providers, ProviderSettings
from task_runner.tasks.context import Connection, TaskContext

CLIENT_ID = "0f0f0f0f-1111-4222-8333-444444444444"
CREDENTIAL_NAME = "TASK_CONTEXT_CLIENT_SECRET"
CREDENTIAL = "a-secret-only-for-tests"


class GraphServer:
    """A running emulator. ``url`` serves Microsoft Graph and the token service."""

    def __init__(self, url: str, client: httpx2.AsyncClient) -> None:
        self.url = url
        self._client = client

    async def tell(self, tenant: str, behaviour: str = "healthy", **options: Any) -> None:
        """Set the behaviour of a tenant; ``options`` are those of ``microsoft_emulator.behaviour.Control``."""
        body = {"behaviour": behaviour, **options}
        response = await self._client.put(f"{self.url}/_control/tenants/{tenant}", json=body)
        response.raise_for_status()


@asynccontextmanager
async def serving(app: ASGIApp) -> AsyncIterator[str]:
    """Serve an ASGI application on a free port in this process; yield its URL."""
    listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    listener.bind(("127.0.0.1", 0))
    config = uvicorn.Config(app, log_config=None, access_log=False, lifespan="on", timeout_graceful_shutdown=1)
    server = uvicorn.Server(config)
    running = asyncio.create_task(server.serve(sockets=[listener]))
    try:
        while not server.started:
            if running.done():
                await running
            await asyncio.sleep(0.005)
        yield f"http://127.0.0.1:{listener.getsockname()[1]}"
    finally:
        server.should_exit = True
        await running
        listener.close()


@asynccontextmanager
async def graph_server() -> AsyncIterator[GraphServer]:
    """Start an emulator with healthy tenants; yield it."""
    async with serving(build()) as url, httpx2.AsyncClient(verify=ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)) as client:
        yield GraphServer(url, client)


def connection_to(tenant: str, credential_ref: str = f"env:{CREDENTIAL_NAME}") -> Connection:
    """Return a provider connection to a tenant of the emulator."""
    return Connection(
        id=1,
        provider="microsoft_graph",
        external_tenant_id=tenant,
        client_id=CLIENT_ID,
        credential_ref=credential_ref,
        cloud="public",
    )


@asynccontextmanager
async def task_context(
    behaviour: str = "healthy",
    *,
    server: GraphServer | None = None,
    tenant: str | None = None,
    connected: bool = True,
    time_limit: float = 30.0,
    progress: list[Progress] | None = None,
    settings: Mapping[str, Any] | None = None,
    **options: Any,
) -> AsyncIterator[TaskContext]:
    """Yield a context like that of the worker, for a tenant with the given behaviour.

    Start an emulator unless ``server`` is given, and use a new tenant unless ``tenant`` is given. Reported progress is
    appended to ``progress``. ``settings`` are fields of ``ProviderSettings``; other options are sent to the emulator.
    """
    tenant_id = tenant or str(uuid.uuid4())
    os.environ.setdefault(CREDENTIAL_NAME, CREDENTIAL)
    reported = progress if progress is not None else []

    async def report(step: Progress) -> None:
        reported.append(step)

    async with graph_server() if server is None else nullcontext(server) as used:
        if tenant is None or behaviour != "healthy" or options:
            await used.tell(tenant_id, behaviour, **options)
        hosts = {"graph_url": used.url, "login_url": used.url}
        limits: dict[str, Any] = {**hosts, "partner_tenant_id": PARTNER_TENANT, **(settings or {})}
        async with Providers(ProviderSettings(**limits)) as providers:
            yield providers.context_for(
                tenant_id=1,
                run_id=1,
                attempt=1,
                connection=connection_to(tenant_id) if connected else None,
                deadline=time.monotonic() + time_limit,
                report=report,
            )
