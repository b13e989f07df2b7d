"""Every kind of credential against the emulator, which verifies it."""

import os
import time
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any

import httpx2
import pytest
from joserfc import jwt
from joserfc.jwk import RSAKey

from task_runner.named_credentials import CredentialKind, NamedCredential
from task_runner.providers import Providers, ProviderSettings
from task_runner.providers.credentials.managed_identity import ManagedIdentities
from task_runner.tasks import Result, TaskContext, TaskFault, discover
from task_runner.testing import CLIENT_ID, EveryTenant, GraphServer, connection_to, graph_server, serving
from tests.support.certificates import MadeCertificate, made_certificate

TASKS = discover()
TENANT = "aaaaaaaa-0000-4000-8000-000000000001"
IDENTITY = "cccccccc-0000-4000-8000-00000000000c"
ISSUER, SUBJECT, AUDIENCE = (
    "https://issuer.test",
    "system:serviceaccount:onboarding:runner",
    "api://AzureADTokenExchange",
)
MADE = made_certificate()
NEXT = made_certificate()
ISSUER_KEY = RSAKey.generate_key(2048, {"kid": "issuer"})


@pytest.fixture
async def server() -> AsyncIterator[GraphServer]:
    async with graph_server() as started:
        await started.tell(TENANT)
        yield started


async def register(server: GraphServer, **application: Any) -> None:
    async with httpx2.AsyncClient(trust_env=False) as client:
        answer = await client.put(f"{server.url}/_control/applications/{CLIENT_ID}", json=application)
        answer.raise_for_status()


async def register_federated(server: GraphServer) -> None:
    jwks = {"keys": [ISSUER_KEY.as_dict(private=False)]}
    await register(server, federated=[{"issuer": ISSUER, "subject": SUBJECT, "audience": AUDIENCE, "jwks": jwks}])


def federated_token(lifetime: float = 3600) -> str:
    now = int(time.time())
    claims = {"iss": ISSUER, "sub": SUBJECT, "aud": [AUDIENCE], "nbf": now - 60, "exp": now + int(lifetime)}
    return jwt.encode({"alg": "RS256", "kid": "issuer"}, claims, ISSUER_KEY, algorithms=["RS256"])


def named(kind: str, source: str, tenants: frozenset[int] | None = None) -> dict[str, NamedCredential]:
    credential = NamedCredential(
        name="main", kind=CredentialKind(kind), source=source, client_id=CLIENT_ID, tenants=tenants
    )
    return {"main": credential}


@asynccontextmanager
async def context_with(
    server: GraphServer,
    credentials: Mapping[str, NamedCredential],
    identities: ManagedIdentities | None = None,
    **settings: Any,
) -> AsyncIterator[TaskContext]:
    told = ProviderSettings(
        graph_url=server.url, login_url=server.url, credentials=credentials, **{"certificate_wait": 0.05, **settings}
    )
    async with Providers(told, identities, bindings=EveryTenant()) as providers:
        yield providers.context_for(
            tenant_id=1, run_id=1, attempt=1, connection=connection_to(TENANT, "main"), deadline=time.monotonic() + 20
        )


async def told(context: TaskContext) -> Result:
    return await TASKS["graph.connectivity"](context)


async def fault(context: TaskContext) -> TaskFault:
    with pytest.raises(TaskFault) as caught:
        await told(context)
    return caught.value


def pem_file(folder: Path, certificate: MadeCertificate) -> str:
    (folder / "app.pem").write_text(certificate.pem)
    return f"file:{folder}/app.pem"


async def test_a_certificate_is_accepted_for_every_token(server: GraphServer, tmp_path: Path) -> None:
    await register(server, certificates=[MADE.certificate])
    async with context_with(server, named("certificate", pem_file(tmp_path, MADE))) as context:
        for _ in range(3):  # the emulator accepts no assertion twice
            await context.graph.renew_token()
        result = await told(context)

    assert result.reason_code == "GRAPH_OK"
    assert result.payload["credential_expires_at"].startswith("20")


async def test_a_certificate_that_ends_soon_is_a_warning(server: GraphServer, tmp_path: Path) -> None:
    ending = made_certificate(ends_in=timedelta(days=3))
    await register(server, certificates=[ending.certificate])
    async with context_with(server, named("certificate", pem_file(tmp_path, ending))) as context:
        result = await told(context)

    assert (result.status.value, result.reason_code) == ("warn", "CREDENTIAL_EXPIRES_SOON")


async def test_a_rotated_certificate_needs_no_restart(server: GraphServer, tmp_path: Path) -> None:
    await register(server, certificates=[MADE.certificate])
    async with context_with(server, named("certificate", pem_file(tmp_path, MADE))) as context:
        assert (await told(context)).reason_code == "GRAPH_OK"
        await register(server, certificates=[NEXT.certificate])
        pem_file(tmp_path, NEXT)
        await context.graph.renew_token()
        assert (await told(context)).reason_code == "GRAPH_OK"


async def test_a_certificate_not_known_yet_is_tried_again(server: GraphServer, tmp_path: Path) -> None:
    await register(server)
    asked = 0

    async with context_with(server, named("certificate", pem_file(tmp_path, MADE))) as context:
        requests = context.graph._requests
        original = requests._signed_in

        async def registered_meanwhile(not_older_than: float) -> Any:
            nonlocal asked
            asked += 1
            if asked == 3:
                await register(server, certificates=[MADE.certificate])
            return await original(not_older_than)

        requests._signed_in = registered_meanwhile
        assert (await told(context)).reason_code == "GRAPH_OK"

    assert asked > 3


async def test_a_certificate_never_known_is_tried_four_times(server: GraphServer, tmp_path: Path) -> None:
    await register(server)
    async with context_with(server, named("certificate", pem_file(tmp_path, MADE)), certificate_wait=0.1) as context:
        began = time.monotonic()
        caught = await fault(context)

    assert (caught.reason_code, caught.retryable) == ("CERTIFICATE_NOT_REGISTERED", True)
    assert 0.3 <= time.monotonic() - began < 5


async def test_no_pause_goes_beyond_the_end_of_the_attempt(server: GraphServer, tmp_path: Path) -> None:
    await register(server)
    async with context_with(server, named("certificate", pem_file(tmp_path, MADE)), certificate_wait=60) as context:
        began = time.monotonic()
        assert (await fault(context)).reason_code == "CERTIFICATE_NOT_REGISTERED"

    assert time.monotonic() - began < 5


async def test_a_federated_token_is_read_each_time(server: GraphServer, tmp_path: Path) -> None:
    await register_federated(server)
    file = tmp_path / "token"
    file.write_text(federated_token() + "\n")
    async with context_with(server, named("federated_token_file", f"file:{file}")) as context:
        assert (await told(context)).reason_code == "GRAPH_OK"
        file.write_text(federated_token(lifetime=-10))
        with pytest.raises(Exception, match="700024"):
            await context.graph.renew_token()
        file.write_text(federated_token())
        await context.graph.renew_token()
        assert (await told(context)).reason_code == "GRAPH_OK"


class Metadata:
    """The service for managed identities of a platform."""

    def __init__(self, status: int = 200, lifetime: float = 86_400, body: bytes | None = None) -> None:
        self.status, self.lifetime, self.body = status, lifetime, body
        self.requests: list[tuple[str, dict[str, str]]] = []

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] == "lifespan":
            while (event := (await receive())["type"]) != "lifespan.shutdown":
                await send({"type": f"{event}.complete"})
            await send({"type": "lifespan.shutdown.complete"})
            return
        headers = {key.decode(): value.decode() for key, value in scope["headers"]}
        self.requests.append((scope["query_string"].decode(), headers))
        token = f'{{"access_token": "{federated_token()}", "expires_on": "{int(time.time() + self.lifetime)}"}}'
        body = token.encode() if self.body is None else self.body
        await send({"type": "http.response.start", "status": self.status, "headers": []})
        await send({"type": "http.response.body", "body": body})


@pytest.mark.parametrize("endpoint", [False, True], ids=["metadata service", "endpoint of the platform"])
async def test_a_managed_identity_is_asked_once(
    server: GraphServer, monkeypatch: pytest.MonkeyPatch, endpoint: bool
) -> None:
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:9")
    monkeypatch.setenv("NO_PROXY", "")
    await register_federated(server)
    metadata = Metadata()
    async with serving(metadata) as url:
        environment = {"IDENTITY_ENDPOINT": f"{url}/msi/token", "IDENTITY_HEADER": "h"} if endpoint else {}
        identities = ManagedIdentities(f"{url}/metadata/identity/oauth2/token", environment)
        async with context_with(server, named("managed_identity", IDENTITY), identities) as context:
            for _ in range(2):
                await context.graph.renew_token()
            assert (await told(context)).reason_code == "GRAPH_OK"

    ((query, headers),) = metadata.requests
    version = "2019-08-01" if endpoint else "2018-02-01"
    assert query == f"api-version={version}&resource=api%3A%2F%2FAzureADTokenExchange&client_id={IDENTITY}"
    assert (headers.get("metadata"), headers.get("x-identity-header")) == ((None, "h") if endpoint else ("true", None))


async def test_a_managed_identitys_token_is_renewed_before_its_end(server: GraphServer) -> None:
    await register_federated(server)
    metadata = Metadata(lifetime=200)
    async with (
        serving(metadata) as url,
        context_with(server, named("managed_identity", IDENTITY), ManagedIdentities(url, {})) as context,
    ):
        for _ in range(2):
            await context.graph.renew_token()

    assert len(metadata.requests) == 2


@pytest.mark.parametrize(
    ("metadata", "reason", "retryable"),
    [
        (Metadata(400, body=b"Identity not found"), "CREDENTIAL_MISSING", False),
        (Metadata(429), "MANAGED_IDENTITY_UNAVAILABLE", True),
        (Metadata(500), "MANAGED_IDENTITY_UNAVAILABLE", True),
        (Metadata(302), "MANAGED_IDENTITY_UNAVAILABLE", True),
        (Metadata(body=b"<html>"), "MANAGED_IDENTITY_UNAVAILABLE", True),
        (Metadata(body=b'{"access_token": 7, "expires_on": 7}'), "MANAGED_IDENTITY_UNAVAILABLE", True),
        (Metadata(body=b"x" * 100_000), "MANAGED_IDENTITY_UNAVAILABLE", True),
    ],
    ids=["unknown", "busy", "broken", "redirect", "html", "other types", "too large"],
)
async def test_a_managed_identity_without_a_token_says_why(
    server: GraphServer, metadata: Metadata, reason: str, retryable: bool
) -> None:
    async with (
        serving(metadata) as url,
        context_with(server, named("managed_identity", IDENTITY), ManagedIdentities(url, {})) as context,
    ):
        caught = await fault(context)

    assert (caught.reason_code, caught.retryable) == (reason, retryable)


async def test_a_pipe_as_file_ends_the_run_at_once(server: GraphServer, tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    async with context_with(server, named("secret", f"file:{tmp_path}/pipe")) as context:
        began = time.monotonic()
        assert (await fault(context)).reason_code == "CREDENTIAL_MISSING"

    assert time.monotonic() - began < 5


async def test_another_tenant_gets_no_token(server: GraphServer, tmp_path: Path) -> None:
    await register(server, certificates=[MADE.certificate])
    credentials = named("certificate", pem_file(tmp_path, MADE), tenants=frozenset({1}))
    told_settings = ProviderSettings(graph_url=server.url, login_url=server.url, credentials=credentials)
    async with Providers(told_settings, bindings=EveryTenant()) as providers:
        contexts = [
            providers.context_for(
                tenant_id=tenant,
                run_id=1,
                attempt=1,
                connection=connection_to(TENANT, "main"),
                deadline=time.monotonic() + 20,
            )
            for tenant in (1, 2)
        ]
        assert (await told(contexts[0])).reason_code == "GRAPH_OK"
        assert (await fault(contexts[1])).reason_code == "CREDENTIAL_NOT_ALLOWED"
