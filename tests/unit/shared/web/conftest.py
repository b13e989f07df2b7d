"""A real key pair, tokens signed with it, and a small application under the shared rules."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Any

import msgspec
import pytest
from joserfc.jwk import RSAKey
from litestar import get, patch, post
from litestar.di import NamedDependency
from litestar.params import FromPath, FromQuery, JSONBody
from litestar.testing import TestClient

from onboarding_shared.contracts.types import Id, StepNumber
from onboarding_shared.process.service_settings import IdentitySettings
from onboarding_shared.web.app import ApiDescription, HttpApplication, build_http
from onboarding_shared.web.errors import Conflict
from onboarding_shared.web.identity import Authenticator, Caller, Permissions, authorize, requires
from tests.support.signing import ISSUER, Signer


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
        ApiDescription(title="Things", codes={"RUN_BLOCKED": "Wait for the other run."}),
        authenticator=Authenticator(identity),
        routes=[list_things, get_thing, change_thing, make_thing, start, broken, translated, blocked],
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
