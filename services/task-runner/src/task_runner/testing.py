"""For task authors: a task's test in five lines, against the Microsoft emulator, which really listens.

    async def test_my_check_passes_in_a_healthy_tenant():
        async with task_context() as context:
            result = await my_check(context)
        assert result.reason_code == "MY_CHECK_OK"

``task_context(behaviour="throttling", times=2)`` sets the tenant's behaviour; ``overrides`` replaces responses;
``consented=False`` is a tenant whose administrator has not consented. The emulator starts with one registered
application, ``CLIENT_ID`` with the secret ``CREDENTIAL``, which has its permissions in the partner's tenant.
"""

import asyncio
import dataclasses
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
from microsoft_emulator.app_roles import APP_ROLES
from microsoft_emulator.applications import Application, Secret
from microsoft_emulator.behaviour import Control
from microsoft_emulator.tenants import PARTNER_TENANT, FirstState
from onboarding_shared.contracts.task_runner import Progress
from task_runner.named_credentials import CredentialKind, NamedCredential
from task_runner.providers import Providers, ProviderSettings
from task_runner.providers.credentials.bound import BindingFile
from task_runner.providers.limits import Service
from task_runner.providers.tenant_connection import TenantConnection
from task_runner.tasks.context import NO_DETAILS, Connection, RunDetails, TaskContext

NO_SERVICE_LIMITS: Mapping[Service, tuple[float, float]] = {}
"""The emulator limits a service only if it is told to."""

CLIENT_ID = "0f0f0f0f-1111-4222-8333-444444444444"
CREDENTIAL_NAME = "TASK_CONTEXT_CLIENT_SECRET"
CREDENTIAL = "a-secret-only-for-tests"
CREDENTIAL_REF = "task-context"
CREDENTIALS = {
    CREDENTIAL_REF: NamedCredential(
        name=CREDENTIAL_REF,
        kind=CredentialKind.SECRET,
        source=f"env:{CREDENTIAL_NAME}",
        client_id=CLIENT_ID,
    )
}
"""The credential that connections of tests name; its secret is in the variable CREDENTIAL_NAME."""


class EveryTenant(BindingFile):
    """Bindings of every tenant to every tenant of the emulator: a task is tested, and not who may run it."""

    def __init__(self) -> None:
        super().__init__(None)

    def allows(self, use: TenantConnection) -> bool:
        return True


PARTNER_SIDE = APP_ROLES.partner_side
"""The names of the permissions that the application holds in the partner's tenant."""


def emulator() -> ASGIApp:
    """A Microsoft emulator that knows the application of ``connection_to``."""
    application = Application(secrets=(Secret(value=CREDENTIAL),))
    partner = Control(consented=frozenset({CLIENT_ID}), granted=PARTNER_SIDE)
    return build(FirstState(applications={CLIENT_ID: application}, tenants={PARTNER_TENANT: partner}))


class GraphServer:
    """A running Microsoft emulator. ``url`` serves Graph and the token service."""

    def __init__(self, url: str, client: httpx2.AsyncClient) -> None:
        self.url = url
        self._client = client
        self._told = {PARTNER_TENANT}

    async def tell(self, tenant: str, behaviour: str = "healthy", **options: Any) -> None:
        """Make a tenant behave. Options as ``microsoft_emulator.behaviour.Control``.

        Unless ``consented`` is among them, the tenant has consented to the application.
        """
        granted = {"granted": PARTNER_SIDE} if tenant == PARTNER_TENANT else {}
        body = {"behaviour": behaviour, "consented": [CLIENT_ID], **granted, **options}
        answer = await self._client.put(f"{self.url}/_control/tenants/{tenant}", json=body)
        answer.raise_for_status()
        self._told.add(tenant.lower())

    async def requested(self, tenant: str) -> list[str]:
        """The latest requests to Microsoft Graph since the tenant was told how to behave: verb, path and query."""
        return list((await self._state(tenant))["requested"])

    async def written(self, tenant: str) -> list[dict[str, Any]]:
        """The latest requests that are no reads: method, version, path, ``if_match`` and body, None without one."""
        return list((await self._state(tenant))["written"])

    async def _state(self, tenant: str) -> dict[str, Any]:
        answer = await self._client.get(f"{self.url}/_control/tenants/{tenant}")
        answer.raise_for_status()
        return dict(answer.json())

    def knows(self, tenant: str) -> bool:
        """True if the behaviour of the tenant was set."""
        return tenant.lower() in self._told


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
    """A Microsoft emulator of its own, with every tenant healthy; only the partner's has consented."""
    async with serving(emulator()) as url, httpx2.AsyncClient(verify=ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)) as client:
        yield GraphServer(url, client)


def connection_to(tenant: str, credential_ref: str = CREDENTIAL_REF) -> Connection:
    """A provider connection to a tenant of the emulator."""
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
    details: RunDetails = NO_DETAILS,
    **options: Any,
) -> AsyncIterator[TaskContext]:
    """Yield a context like that of the worker, for a tenant with the given behaviour.

    Starts an emulator unless one is given; a new tenant unless ``tenant`` names one. The tenant has consented to the
    application without ``consented=False``, unless the server was given another state of it. What the task reports is
    appended to ``progress``. ``settings`` are fields of ``ProviderSettings``; other options go to the server.
    ``inputs=MyInputs(…)`` and ``dry_run=True`` are those of the run, ``task_settings=MySettings(…)`` those of the task.
    """
    run = {name: options.pop(name) for name in ("inputs", "dry_run") if name in options}
    run |= {"settings": options.pop("task_settings")} if "task_settings" in options else {}
    guid = tenant or str(uuid.uuid4())
    os.environ.setdefault(CREDENTIAL_NAME, CREDENTIAL)
    reported = progress if progress is not None else []

    async def report(step: Progress) -> None:
        reported.append(step)

    async with graph_server() if server is None else nullcontext(server) as used:
        if options.get("consented") is False:
            options["consented"] = ()
        if behaviour != "healthy" or options or not used.knows(guid):
            await used.tell(guid, behaviour, **options)
        hosts = {"graph_url": used.url, "login_url": used.url}
        defaults = {
            "partner_tenant_id": PARTNER_TENANT,
            "credentials": CREDENTIALS,
            "certificate_wait": 0.05,
            "service_limits": NO_SERVICE_LIMITS,
        }
        limits: dict[str, Any] = {**hosts, **defaults, **(settings or {})}
        async with Providers(ProviderSettings(**limits), bindings=EveryTenant()) as providers:
            yield providers.context_for(
                tenant_id=1,
                run_id=1,
                attempt=1,
                connection=connection_to(guid) if connected else None,
                deadline=time.monotonic() + time_limit,
                report=report,
                details=dataclasses.replace(details, **run),
            )
