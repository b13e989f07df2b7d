"""A client of the session API, as a wizard would use it."""

import asyncio
import time
from typing import Any, Self
from urllib.parse import urlsplit

import httpx2

from onboarding_devstack.cli.exits import CommandError, Exit

TIMEOUT = 15.0
LOOPBACK = ("127.0.0.1", "localhost", "::1")


class Refused(Exception):
    """An error response of the API: `status`, the stable `code`, and the `body`."""

    def __init__(self, status: int, body: dict[str, Any]) -> None:
        super().__init__(str(body.get("error") or f"HTTP {status}"))
        self.status = status
        self.code = str(body.get("code", ""))
        self.body = body


class Api:
    """A client for one user and one tenant."""

    def __init__(self, url: str, token: str, tenant: int) -> None:
        self.url = url.rstrip("/")
        self.tenant = tenant
        local = urlsplit(url).hostname in LOOPBACK
        self._client = httpx2.AsyncClient(
            base_url=self.url, headers={"Authorization": f"Bearer {token}"}, timeout=15.0, trust_env=not local
        )

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._client.aclose()

    async def task_types(self) -> list[dict[str, Any]]:
        """The catalogue of all task types."""
        task_types = await self.call("GET", "/onboarding/task-types")
        return task_types if isinstance(task_types, list) else []

    async def of_tenant(self, method: str, path: str, body: dict[str, Any] | None = None) -> Any:
        """Send a request for the tenant. Raises `Refused`, or `CommandError` if there is no response."""
        return await self.call(method, f"/tenants/{self.tenant}/onboarding{path}", body)

    async def call(self, method: str, path: str, body: dict[str, Any] | None = None) -> Any:
        """Send a request, with retries while the service is unavailable; all requests of the demo are idempotent."""
        deadline = time.monotonic() + TIMEOUT
        while True:
            last = time.monotonic() > deadline
            try:
                answer = await self._client.request(method, path, json=body)
            except httpx2.TransportError as error:
                if last:
                    raise CommandError(Exit.UNREACHABLE, f"no response from {self.url} ({error})") from None
            except (httpx2.InvalidURL, httpx2.UnsupportedProtocol):
                raise CommandError(Exit.USAGE, f"not an http URL: {self.url}") from None
            else:
                if answer.status_code != 503 or last:
                    return _decoded(answer)
            await asyncio.sleep(0.2)


def _decoded(answer: httpx2.Response) -> Any:
    try:
        body = answer.json()
    except ValueError:
        body = {"error": f"HTTP {answer.status_code}, and no JSON"}
    if answer.is_success:
        return body
    raise Refused(answer.status_code, body if isinstance(body, dict) else {})
