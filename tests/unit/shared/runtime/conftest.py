"""A real key pair, tokens signed with it, and a small application under the shared rules."""

import json
import time
from base64 import urlsafe_b64encode
from collections.abc import Awaitable, Callable, Iterator
from pathlib import Path
from typing import Annotated, Any

import msgspec
import pytest
from joserfc import jws, jwt
from joserfc.jwk import Key, KeySet, RSAKey
from litestar import get, patch, post
from litestar.di import NamedDependency
from litestar.params import FromPath, FromQuery, JSONBody
from litestar.testing import TestClient

from onboarding_shared.contracts.types import Id, StepNumber
from onboarding_shared.process.settings import IdentitySettings
from onboarding_shared.web.app import HttpApplication, build_http
from onboarding_shared.web.errors import Conflict
from onboarding_shared.web.identity import Authenticator, Caller, Permissions, authorize, requires

ISSUER = "https://issuer.test"
ALL_ALGORITHMS = ["RS256", "RS384", "PS256", "ES256", "EdDSA", "HS256", "none"]


class Signer:
    """Signs tokens that are right unless a test says otherwise."""

    def __init__(self, key: Key, algorithm: str = "RS256") -> None:
        self.key = key
        self.algorithm = algorithm

    def public(self) -> dict[str, Any]:
        return dict(KeySet([self.key]).as_dict(private=False))

    def claims(self, **changed: Any) -> dict[str, Any]:
        now = int(time.time())
        claims = {
            "iss": ISSUER,
            "aud": "onboarding",
            "sub": "7",
            "exp": now + 600,
            "nbf": now - 5,
            "iat": now,
            "tenants": [42],
            "permissions": list(Permissions.ALL),
        }
        return {name: value for name, value in {**claims, **changed}.items() if value is not None}

    def token(self, header: dict[str, Any] | None = None, **changed: Any) -> str:
        full = {"alg": self.algorithm, "kid": self.key.kid, "typ": "JWT", **(header or {})}
        full = {name: value for name, value in full.items() if value is not None}
        return jwt.encode(full, self.claims(**changed), self.key, algorithms=ALL_ALGORITHMS, default_type=None)

    def forced(self, header: dict[str, Any]) -> str:
        """A token that is signed although its header breaks a rule."""
        full = {"alg": self.algorithm, "kid": self.key.kid, "typ": "JWT", **header}
        parts = (urlsafe_b64encode(json.dumps(part).encode()).rstrip(b"=") for part in (full, self.claims()))
        message = b".".join(parts)
        signature = jws.JWSRegistry.algorithms[self.algorithm].sign(message, self.key)
        return b".".join([message, urlsafe_b64encode(signature).rstrip(b"=")]).decode()


def http_scope(path: str, *headers: tuple[bytes, bytes], method: str = "GET") -> dict[str, Any]:
    """A request as a server hands it over, for what no client library would send."""
    return {
        "type": "http",
        "asgi": {"version": "3.0"},
        "http_version": "1.1",
        "method": method,
        "scheme": "http",
        "path": path,
        "raw_path": path.encode(),
        "query_string": b"",
        "root_path": "",
        "headers": list(headers),
    }


async def exchange(app: Any, scope: dict[str, Any], receive: Callable[[], Awaitable[Any]]) -> list[dict[str, Any]]:
    """What the application sends back."""
    sent: list[dict[str, Any]] = []

    async def send(message: dict[str, Any]) -> None:
        sent.append(message)

    await app(scope, receive, send)
    return sent


@pytest.fixture(scope="session")
def signer() -> Signer:
    return Signer(RSAKey.generate_key(2048, auto_kid=True))


@pytest.fixture
def jwks_file(tmp_path: Path, signer: Signer) -> Path:
    path = tmp_path / "jwks.json"
    path.write_text(json.dumps(signer.public()), encoding="utf-8")
    return path


@pytest.fixture
def identity(jwks_file: Path) -> IdentitySettings:
    return IdentitySettings(jwks=str(jwks_file), issuer=ISSUER, algorithms=("RS256", "PS256", "ES256", "EdDSA"))


class Change(msgspec.Struct, forbid_unknown_fields=True):
    current_step: StepNumber | None = None
    note: str | None = None
    more: dict[str, Any] = {}


class Required(msgspec.Struct, forbid_unknown_fields=True):
    name: str


@get("/tenants/{tenant_id:int}/things", guards=[requires(Permissions.READ)])
async def list_things(
    tenant_id: FromPath[Id],
    caller: NamedDependency[Caller],
    limit: FromQuery[Annotated[int, msgspec.Meta(ge=1, le=100)]] = 10,
    after: FromQuery[Id | None] = None,
    name: FromQuery[str | None] = None,
    status: FromQuery[list[str] | None] = None,
) -> dict[str, Any]:
    return {"tenant": tenant_id, "user": caller.user_id, "limit": limit, "after": after, "status": status}


@get("/tenants/{tenant_id:int}/things/{thing_id:int}", guards=[requires(Permissions.READ)])
async def get_thing(tenant_id: FromPath[Id], thing_id: FromPath[Id]) -> dict[str, int]:
    return {"thing": thing_id}


@patch("/tenants/{tenant_id:int}/things/{thing_id:int}")
async def change_thing(
    tenant_id: FromPath[Id], thing_id: FromPath[Id], data: JSONBody[Change], caller: NamedDependency[Caller]
) -> Change:
    authorize(caller, tenant_id, Permissions.WRITE)
    return data


@post("/tenants/{tenant_id:int}/things")
async def make_thing(tenant_id: FromPath[Id], data: JSONBody[Required]) -> Required:
    return data


@post("/tenants/{tenant_id:int}/starts")
async def start(tenant_id: FromPath[Id]) -> dict[str, bool]:
    return {"started": True}


@get("/broken")
async def broken() -> None:
    raise RuntimeError("the password is hunter2")


@get("/translated")
async def translated() -> None:
    raise KeyError("x")


@get("/blocked")
async def blocked() -> None:
    raise Conflict("RUN_BLOCKED", "Another run holds it", retry_after=2.5, extra={"run_id": 9, "code": "IGNORED"})


@pytest.fixture
def app(identity: IdentitySettings) -> HttpApplication:
    return build_http(
        title="Things",
        authenticator=Authenticator(identity),
        routes=[list_things, get_thing, change_thing, make_thing, start, broken, translated, blocked],
        codes={"RUN_BLOCKED": "Wait for the other run."},
        translations={KeyError: lambda error: Conflict("TRANSLATED", "A key error is a conflict here")},
    )


@pytest.fixture
def anonymous(app: HttpApplication) -> Iterator[TestClient[HttpApplication]]:
    with TestClient(app) as client:
        yield client


@pytest.fixture
def client(anonymous: TestClient[HttpApplication], signer: Signer) -> TestClient[HttpApplication]:
    anonymous.headers["Authorization"] = f"Bearer {signer.token()}"
    return anonymous
