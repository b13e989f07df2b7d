"""An onboarding with consent links, and the browser that comes back from Microsoft."""

from typing import Any
from urllib.parse import parse_qs, urlsplit

import httpx2

from onboarding_shared.contracts.catalogue import decode_data
from onboarding_shared.contracts.message import Message
from onboarding_shared.contracts.task_runner import TaskTypesAnnounced
from onboarding_shared.contracts.types import Scope
from session_api.settings import ConsentSettings, SessionApiSettings
from tests.integration.session_api.service import TENANT, Api, connection_body, declaration

REQUESTS = f"/tenants/{TENANT}/onboarding/consent-requests"
CONNECTIONS = f"/tenants/{TENANT}/onboarding/provider-connections"
CALLBACK = "/onboarding/consent/callback"
CUSTOMER = "3f2504e0-4f89-41d3-9a0c-0305e82c3301"
"""The tenant of the connection ``main``."""
STRANGER = "6fa459ea-ee8a-4ca4-894e-db77e160355e"


def with_redirect(settings: SessionApiSettings, **more: Any) -> SessionApiSettings:
    """The same settings, and an address that links come back to."""
    given = {"redirect_url": "https://onboarding.example/onboarding/consent/callback", **more}
    return settings.model_copy(update={"consent": ConsentSettings(**given)})


async def offer_consent_check(api: Api) -> None:
    """Announce the check as the runner does: of one connection."""
    check = declaration("app.consent", scope=Scope.CONNECTION, step=2)
    await api.consume(TaskTypesAnnounced(tenant_id=0, task_types=(check,)))


async def connect(api: Api, name: str = "main") -> int:
    """A new provider connection: ``main`` to the customer's tenant, ``second`` to another one."""
    external = {"main": CUSTOMER, "second": "3f2504e0-4f89-41d3-9a0c-0305e82c3302"}[name]
    answer = await api.caller().post(CONNECTIONS, json=connection_body(name, external_tenant_id=external))
    return int(answer.json()["id"])


async def ask(api: Api, *, user: int = 7, connection: int | None = None) -> dict[str, Any]:
    """A new consent request."""
    body = {} if connection is None else {"provider_connection_id": connection}
    answer = await api.caller(user).post(REQUESTS, json=body)
    assert answer.status_code == 201, answer.text
    return dict(answer.json())


def secret_of(request: dict[str, Any]) -> str:
    """The secret in the link of a new request."""
    return parse_qs(urlsplit(request["url"]).query)["state"][0]


async def come_back(api: Api, **query: str) -> httpx2.Response:
    """A browser without a token, sent by Microsoft."""
    return await api.client({}).get(CALLBACK, params=query)


async def accept(api: Api, request: dict[str, Any], *, tenant: str = CUSTOMER) -> httpx2.Response:
    """The administrator accepts."""
    return await come_back(api, state=secret_of(request), tenant=tenant, admin_consent="True", scope="x/.default")


async def refuse(api: Api, request: dict[str, Any]) -> httpx2.Response:
    """The administrator refuses; Microsoft says ``admin_consent`` all the same."""
    text = "AADSTS65004: User declined to consent. <script>alert(1)</script>"
    return await come_back(
        api, error="consent_required", error_description=text, admin_consent="True", tenant=CUSTOMER,
        state=secret_of(request),
    )  # fmt: skip


async def look(api: Api, request: dict[str, Any]) -> dict[str, Any]:
    """The request now."""
    answer = await api.caller().get(f"{REQUESTS}/{request['id']}")
    assert answer.status_code == 200, answer.text
    return dict(answer.json())


async def expire(api: Api) -> None:
    """Let the time of every request pass."""
    await api.rows("UPDATE consent_requests SET created_at = now() - interval '2 days', expires_at = now()")


async def sent(api: Api, topic: str = "onboarding.task-commands.v1") -> list[Message]:
    """The messages that wait for the relay."""
    rows = await api.rows("SELECT data FROM outbox WHERE topic = :topic ORDER BY id", topic=topic)
    return [decode_data(topic, bytes(data)) for (data,) in rows]
