"""A client of the emulator, without sockets: control requests, tokens and Graph."""

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import Any

import httpx2

from microsoft_emulator.app import build
from microsoft_emulator.tenants import PARTNER_TENANT, FirstState

URL = "http://emulator"
APP = "11111111-aaaa-4bbb-8ccc-222222222222"
SECRET = "a secret of the application"
TENANT = "aaaaaaaa-0000-4000-8000-00000000000e"
OTHER = "bbbbbbbb-0000-4000-8000-00000000000f"
PARTNER = PARTNER_TENANT
GLOBAL_ADMINISTRATOR = "62e90394-69f5-4237-9190-012177145e10"
EXCHANGE = "29232cdf-9323-42fd-ade2-1d097af3e4de"
READER = "f2ef992c-3afb-46b9-b7cf-a126ee74c451"


class Microsoft:
    """The emulator with one application, which no tenant has consented to."""

    def __init__(self, http: httpx2.AsyncClient) -> None:
        self.http = http

    async def control(self, path: str, body: Any, method: str = "PUT") -> httpx2.Response:
        return await self.http.request(method, f"/_control/{path}", json=body)

    async def register(self, **application: Any) -> None:
        body = {"secrets": [{"value": SECRET}], **application}
        assert (await self.control(f"applications/{APP}", body)).status_code == 200

    async def tell(self, tenant: str, **control: Any) -> None:
        answer = await self.control(f"tenants/{tenant}", control)
        assert answer.status_code == 200, answer.text

    async def consent(self, tenant: str, **shape: Any) -> None:
        answer = await self.control(f"tenants/{tenant}/consents/{APP}", shape)
        assert answer.status_code == 200, answer.text

    async def token(self, tenant: str = TENANT, **form: str | None) -> httpx2.Response:
        fields: dict[str, str | None] = {
            "grant_type": "client_credentials",
            "client_id": APP,
            "client_secret": SECRET,
            "scope": "https://graph.example/.default",
            **form,
        }
        data = {name: value for name, value in fields.items() if value is not None}
        return await self.http.post(f"/{tenant}/oauth2/v2.0/token", data=data)

    async def access(self, tenant: str = TENANT) -> str:
        answer = await self.token(tenant)
        assert answer.status_code == 200, answer.text
        return str(answer.json()["access_token"])

    async def graph(
        self,
        path: str,
        *,
        method: str = "GET",
        tenant: str = TENANT,
        token: str | None = None,
        headers: Mapping[str, str] = {},
        body: Any = None,
    ) -> httpx2.Response:
        authorization = f"Bearer {token or await self.access(tenant)}"
        sent = {"Authorization": authorization, **headers}
        content = {} if body is None else {"json": body}
        return await self.http.request(method, f"/v1.0{path}", headers=sent, **content)

    async def listed(self, path: str, tenant: str = TENANT, headers: Mapping[str, str] = {}) -> list[Any]:
        """All pages of a collection."""
        token, items = await self.access(tenant), list[Any]()
        answer = await self.graph(path, tenant=tenant, token=token, headers=headers)
        while True:
            assert answer.status_code == 200, answer.text
            items += answer.json()["value"]
            following = answer.json().get("@odata.nextLink")
            if following is None:
                return items
            answer = await self.graph(following.removeprefix(f"{URL}/v1.0"), token=token, headers=headers)


def codes(answer: httpx2.Response) -> tuple[int, str, list[int]]:
    """Status, error and AADSTS numbers of a refusal."""
    return answer.status_code, answer.json()["error"], answer.json()["error_codes"]


@asynccontextmanager
async def microsoft(start: FirstState | None = None, **application: Any) -> AsyncIterator[Microsoft]:
    """A new emulator with the application registered."""
    transport = httpx2.ASGITransport(app=build(start))
    async with httpx2.AsyncClient(transport=transport, base_url=URL) as http:
        client = Microsoft(http)
        await client.register(**application)
        yield client
