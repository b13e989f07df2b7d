"""One user of the session API, looking at one tenant."""

import uuid
from collections.abc import Awaitable, Callable
from typing import Any, Self

import httpx2

from microsoft_emulator.app_roles import APP_ROLES
from microsoft_emulator.tenants import PARTNER_TENANT
from onboarding_devstack.system import DEMO_CLIENT_ID, DEMO_CREDENTIAL
from onboarding_devstack.tenant_bindings import binding_of
from onboarding_shared.contracts.bindings import TenantBinding
from tests.support.waiting import eventually

ENDED = ("succeeded", "failed", "cancelled", "timed_out")
CREDENTIAL, CLIENT_ID = DEMO_CREDENTIAL, DEMO_CLIENT_ID
Bind = Callable[[TenantBinding], Awaitable[None]]
"""Lets a tenant reach a tenant at Microsoft, as the operator of the system does."""


def external_tenant_of(tenant: int) -> str:
    """The tenant id at Microsoft of the customer of a caller's tenant."""
    return str(uuid.uuid5(uuid.NAMESPACE_DNS, f"tenant-{tenant}.customers.test"))


class Caller:
    """Requests below ``/tenants/{tenant}/onboarding`` of the session API with one token."""

    def __init__(self, url: str, token: str, tenant: int, *, graph: str, secret: str, bind: Bind) -> None:
        """``graph`` is the emulator, ``secret`` the one of the credential ``CREDENTIAL``; ``bind`` is the operator."""
        self.url = url
        self.token = token
        self.tenant = tenant
        self.external_tenant = external_tenant_of(tenant)
        self._graph = graph
        self._secret = secret
        self._bind = bind
        headers = {"Authorization": f"Bearer {token}"} if token else {}
        # Plain HTTP on loopback: reading all certificate authorities for each caller would cost more than its requests.
        self.http = httpx2.AsyncClient(base_url=url, headers=headers, trust_env=False, verify=False, timeout=30)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.http.aclose()

    def path(self, path: str) -> str:
        """The full path of a path below the tenant."""
        return f"/tenants/{self.tenant}/onboarding{path}"

    async def get(self, path: str, **options: Any) -> httpx2.Response:
        """GET below the tenant."""
        return await self.http.get(self.path(path), **options)

    async def post(self, path: str, **options: Any) -> httpx2.Response:
        """POST below the tenant."""
        return await self.http.post(self.path(path), **options)

    async def patch(self, path: str, **options: Any) -> httpx2.Response:
        """PATCH below the tenant."""
        return await self.http.patch(self.path(path), **options)

    async def behave(self, behaviour: str, **control: Any) -> None:
        """Tell the emulator how this customer's tenant behaves; what was created there is forgotten.

        The tenant has consented to the application unless ``consented`` says otherwise.
        """
        await self._tell(
            f"tenants/{self.external_tenant}", {"behaviour": behaviour, "consented": [CLIENT_ID], **control}
        )

    async def register(self) -> None:
        """Register the application, and give it its side of the partner's tenant."""
        callback = f"{self.url}/onboarding/consent/callback"
        registration = {"secrets": [{"value": self._secret}], "redirect_uris": [callback]}
        await self._tell(f"applications/{CLIENT_ID}", registration)
        await self._tell(f"tenants/{PARTNER_TENANT}/consents/{CLIENT_ID}", {"granted": APP_ROLES.partner_side})

    async def _tell(self, path: str, body: dict[str, Any]) -> None:
        answer = await self.http.put(f"{self._graph}/_control/{path}", json=body)
        answer.raise_for_status()

    async def connect(
        self, behaviour: str = "healthy", *, credential: str = CREDENTIAL, bind: bool = True, **control: Any
    ) -> int:
        """Create a provider connection to this customer's tenant, which is bound and behaves so; returns its id."""
        if bind:
            await self._bind(binding_of(self.tenant, self.external_tenant, CLIENT_ID, credential))
        await self.register()
        await self.behave(behaviour, **control)
        answer = await self.post(
            "/provider-connections",
            json={
                "display_name": "Customer",
                "external_tenant_id": self.external_tenant,
                "client_id": CLIENT_ID,
                "credential_ref": credential,
            },
        )
        assert answer.status_code == 201, answer.text
        return int(answer.json()["id"])

    async def start(self, task_type: str, **options: Any) -> int:
        """Start a task that must be accepted; returns the run's id."""
        answer = await self.post(f"/tasks/{task_type}/runs", **options)
        assert answer.status_code == 201, answer.text
        return int(answer.json()["run_id"])

    async def run(self, run_id: int) -> dict[str, Any]:
        """The current state of a run."""
        answer = await self.get(f"/runs/{run_id}")
        assert answer.status_code == 200, answer.text
        return dict(answer.json())

    async def state(self, run_id: int) -> str:
        """The state of a run."""
        return str((await self.run(run_id))["state"])

    async def ended(self, run_id: int, *, seconds: float = 30.0) -> dict[str, Any]:
        """Wait for the end of a run; returns it."""

        async def look() -> dict[str, Any] | None:
            run = await self.run(run_id)
            return run if run["state"] in ENDED else None

        return dict(await eventually(look, seconds=seconds, every=0.05))

    async def evidence(self, run_id: int, *, seconds: float = 30.0) -> dict[str, Any]:
        """Wait for the evidence of a run; returns its only item."""

        async def look() -> list[dict[str, Any]]:
            answer = await self.get(f"/evidence?run={run_id}")
            assert answer.status_code == 200, answer.text
            return list(answer.json())

        (item,) = await eventually(look, seconds=seconds, every=0.05)
        return dict(item)
