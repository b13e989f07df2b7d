"""Managed identities: the platform that runs this process gives the assertion, on an address of the machine itself."""

import asyncio
import os
import time
from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

import httpx2
import msgspec

from task_runner.providers.credentials.proof import MISSING, Proof, assertion_proof
from task_runner.tasks.result import TaskFault

UNAVAILABLE = "MANAGED_IDENTITY_UNAVAILABLE"
METADATA_SERVICE: Final = "http://169.254.169.254/metadata/identity/oauth2/token"
AUDIENCES: Final[Mapping[str, str]] = {
    "public": "api://AzureADTokenExchange",
    "us_gov": "api://AzureADTokenExchangeUSGov",
    "us_dod": "api://AzureADTokenExchangeUSGov",
    "china": "api://AzureADTokenExchangeChina",
}
"""The audience of an assertion, by the cloud of the application."""
RENEW_BEFORE = 300.0
"""Seconds before its end at which an assertion is renewed."""
MAX_ANSWER_BYTES = 64 * 1024
SHORTEST_USE = 60.0
"""Seconds for which an assertion is used even if the token service refused it."""
SECONDS = 10.0
"""Maximum duration of one request."""


@dataclass(slots=True)
class _Kept:
    assertion: str = field(repr=False)
    obtained: float
    until: float


class ManagedIdentities:
    """The assertions of all managed identities in use, kept until shortly before their end.

    Requests never go through a proxy. ``metadata_service`` and ``environment`` are for tests.
    """

    def __init__(self, metadata_service: str = METADATA_SERVICE, environment: Mapping[str, str] = os.environ) -> None:
        self._metadata_service = metadata_service
        self._environment = environment
        self._client: httpx2.AsyncClient | None = None
        self._kept: dict[tuple[str, str], _Kept] = {}
        self._locks: defaultdict[tuple[str, str], asyncio.Lock] = defaultdict(asyncio.Lock)

    async def assertion(self, identity: str, audience: str) -> str:
        """The assertion of an identity by its client id. Raises ``TaskFault``."""
        key = identity, audience
        async with self._locks[key]:
            kept = self._kept.get(key)
            if kept is None or kept.until <= time.time():
                text, end = await self._request(identity, audience)
                kept = self._kept[key] = _Kept(text, time.time(), end - RENEW_BEFORE)
            return kept.assertion

    def forget(self, identity: str, audience: str) -> None:
        """Request a new assertion next time, unless this one is newer than a minute."""
        if kept := self._kept.get((identity, audience)):
            kept.until = min(kept.until, kept.obtained + SHORTEST_USE)

    async def close(self) -> None:
        """Close every connection."""
        if self._client is not None:
            await self._client.aclose()
            self._client = None

    async def _request(self, identity: str, audience: str) -> tuple[str, float]:
        url, params, headers = self._address(identity, audience)
        try:
            async with asyncio.timeout(SECONDS):
                status, content = await self._exchange(url, params, headers)
        except (TimeoutError, httpx2.HTTPError, httpx2.InvalidURL) as error:
            raise _unavailable(type(error).__name__) from None
        if status in (400, 401, 403):
            message = f"The managed identity {identity} is not assigned to the machine of the task runner."
            raise TaskFault(MISSING, message)
        if status != 200:
            raise _unavailable(f"HTTP {status}")
        return _assertion_in(content)

    def _address(self, identity: str, audience: str) -> tuple[str, dict[str, str], dict[str, str]]:
        params = {"resource": audience, "client_id": identity}
        endpoint, header = self._environment.get("IDENTITY_ENDPOINT"), self._environment.get("IDENTITY_HEADER")
        if endpoint and header:
            return endpoint, {"api-version": "2019-08-01", **params}, {"X-IDENTITY-HEADER": header}
        return self._metadata_service, {"api-version": "2018-02-01", **params}, {"Metadata": "true"}

    async def _exchange(self, url: str, params: dict[str, str], headers: dict[str, str]) -> tuple[int, bytes]:
        if self._client is None:
            self._client = httpx2.AsyncClient(trust_env=False, follow_redirects=False, timeout=SECONDS)
        content = bytearray()
        async with self._client.stream("GET", url, params=params, headers=headers) as response:
            async for chunk in response.aiter_bytes():
                content += chunk
                if len(content) > MAX_ANSWER_BYTES:
                    raise _unavailable(f"an answer of more than {MAX_ANSWER_BYTES} bytes")
        return response.status_code, bytes(content)


class ManagedIdentity:
    """A user-assigned managed identity that the application trusts."""

    def __init__(self, name: str, identities: ManagedIdentities, identity: str, cloud: str) -> None:
        self.name = name
        self._identities = identities
        self._identity = identity
        self._audience = AUDIENCES[cloud]

    async def prove(self, token_url: str) -> Proof:
        return assertion_proof(await self._identities.assertion(self._identity, self._audience))

    def forget(self) -> None:
        self._identities.forget(self._identity, self._audience)


def _assertion_in(content: bytes) -> tuple[str, float]:
    try:
        body = msgspec.json.decode(content, type=dict[str, Any])
        assertion, end = body["access_token"], float(body["expires_on"])
    except (msgspec.DecodeError, KeyError, TypeError, ValueError, RecursionError):
        raise _unavailable("an answer without a token") from None
    if not isinstance(assertion, str) or not assertion or end != end:
        raise _unavailable("an answer without a token")
    return assertion, end


def _unavailable(why: str) -> TaskFault:
    message = f"The platform's service for managed identities is unavailable: {why}."
    return TaskFault(UNAVAILABLE, message, retryable=True)
