"""The caller itself, and the users that were seen with their names."""

from collections.abc import AsyncIterator
from typing import Any

import httpx2
import pytest

from onboarding_devstack.identity import AUDIENCE, ISSUER, PERMISSIONS, Identity
from onboarding_shared.process.claim_settings import ClaimSettings
from onboarding_shared.process.service_settings import IdentitySettings
from session_api.app import build
from session_api.settings import OidcSettings, SessionApiSettings
from tests.integration.session_api.service import Api

ROLES = {"Technician": {"permissions": ["onboarding.read"]}}
KEPT = "SELECT id, issuer, subject, display_name FROM users"


@pytest.fixture
async def mapped(settings: SessionApiSettings, identity: Identity) -> AsyncIterator[Api]:
    """A service whose tokens come from an identity provider."""
    claims = ClaimSettings(roles=ROLES)
    given = IdentitySettings(jwks=str(identity.jwks), issuer=ISSUER, audience=AUDIENCE, claims=claims)
    chosen = settings.model_copy(update={"identity": given})
    api = Api(build(chosen), chosen, identity)
    yield api
    await api.close()


def client(api: Api, identity: Identity, **claims: Any) -> httpx2.AsyncClient:
    return api.client({"authorization": f"Bearer {identity.signed(claims)}"})


def named(api: Api, identity: Identity, user: int, name: str) -> httpx2.AsyncClient:
    return api.client({"authorization": f"Bearer {identity.token(user, [42], name=name)}"})


async def test_a_caller_learns_who_it_is(api: Api, identity: Identity) -> None:
    caller = client(
        api,
        identity,
        sub="7",
        name="Ada Berger",
        tenants={"43": ["onboarding.run", "onboarding.read"], "42": []},
        exp=4_000_000_000,
    )

    assert (await caller.get("/me")).json() == {
        "user_id": 7,
        "display_name": "Ada Berger",
        "all_tenants": False,
        "tenants": [
            {"tenant_id": 42, "permissions": []},
            {"tenant_id": 43, "permissions": ["onboarding.read", "onboarding.run"]},
        ],
        "permissions": [],
        "operates_platform": False,
        "expires_at": "2096-10-02T07:06:40Z",
    }


async def test_a_caller_of_all_tenants_learns_that(api: Api, identity: Identity) -> None:
    caller = client(api, identity, sub="7", tenants="all", permissions=["onboarding.platform", *PERMISSIONS])

    me = (await caller.get("/me")).json()

    assert (me["all_tenants"], me["permissions"], me["operates_platform"]) == (True, list(PERMISSIONS), True)
    assert (await caller.get("/tenants/4711/onboarding/tasks")).status_code == 200


async def test_a_time_beyond_the_calendar_is_its_last_day(api: Api, identity: Identity) -> None:
    caller = client(api, identity, sub="7", exp=1e300)

    assert (await caller.get("/me")).json()["expires_at"] == "9999-12-31T00:00:00Z"


async def test_users_are_listed_by_the_names_of_their_tokens(api: Api, identity: Identity) -> None:
    await named(api, identity, 9, "ben Okafor").get("/me")
    await named(api, identity, 8, "Ada Berger").get("/me")
    reader = api.caller(tenants=[], permissions=[])

    ben, ada = {"user_id": 9, "display_name": "ben Okafor"}, {"user_id": 8, "display_name": "Ada Berger"}
    assert (await reader.get("/onboarding/users")).json() == [ada, ben]
    assert (await reader.get("/onboarding/users?search=OKA")).json() == [ben]
    assert (await reader.get("/onboarding/users?search=%25")).json() == []
    assert (await reader.get("/onboarding/users?id=8&id=7")).json() == [ada]


async def test_users_are_read_page_by_page(api: Api, identity: Identity) -> None:
    for user, name in ((3, "Ria"), (1, "ria"), (2, "Omar")):
        await named(api, identity, user, name).get("/me")
    reader = api.caller()

    first = await reader.get("/onboarding/users?limit=2")
    second = await reader.get(first.headers["link"].partition(">")[0].removeprefix("<"))

    assert [user["user_id"] for user in first.json() + second.json()] == [2, 1, 3]
    assert "link" not in second.headers


async def test_a_page_of_users_ends_after_the_longest_name(api: Api, identity: Identity) -> None:
    for user in (2, 3):
        await named(api, identity, user, "\N{CJK UNIFIED IDEOGRAPH-4E00}" * 200).get("/me")
    reader = api.caller()

    first = await reader.get("/onboarding/users?limit=1")
    second = await reader.get(first.links["next"]["url"])

    assert [user["user_id"] for user in first.json() + second.json()] == [2, 3]


async def test_a_name_follows_the_newest_token(api: Api, identity: Identity) -> None:
    await named(api, identity, 8, "Ada Berger").get("/me")
    before = await api.rows("SELECT seen_at FROM users")
    await named(api, identity, 8, "Ada Berger").get("/onboarding/task-types")
    unchanged = await api.rows("SELECT seen_at FROM users")
    await named(api, identity, 8, "Ada Meier").get("/me")

    assert unchanged == before
    assert await api.rows(KEPT) == [(8, ISSUER, "8", "Ada Meier")]


async def test_a_subject_becomes_a_stable_user(mapped: Api, identity: Identity) -> None:
    claims = {"sub": "auth0|alice", "name": "Alice", "roles": ["Technician"], "tenants": ["42"]}
    me = (await client(mapped, identity, **claims).get("/me")).json()
    again = (await client(mapped, identity, **claims, jti="another").get("/me")).json()

    assert me["user_id"] == again["user_id"]
    assert me["tenants"] == [{"tenant_id": 42, "permissions": ["onboarding.read"]}]
    assert await mapped.rows(KEPT) == [(me["user_id"], ISSUER, "auth0|alice", "Alice")]


async def test_a_token_without_a_name_keeps_the_earlier_one(mapped: Api, identity: Identity) -> None:
    await client(mapped, identity, sub="alice", name="Alice").get("/me")
    await client(mapped, identity, sub="alice").get("/me")

    assert await mapped.rows("SELECT display_name FROM users") == [("Alice",)]


async def test_an_id_of_another_subject_is_refused(mapped: Api, identity: Identity) -> None:
    await client(mapped, identity, sub="alice", name="Alice").get("/me")
    await mapped.rows("UPDATE users SET subject = 'bob'")

    answer = await client(mapped, identity, sub="alice", name="Alicia").get("/me")

    assert (answer.status_code, answer.json()["code"]) == (401, "TOKEN_INVALID")
    assert await mapped.rows("SELECT subject, display_name FROM users") == [("bob", "Alice")]


async def test_without_the_database_only_a_named_user_id_goes_on(
    api: Api, settings: SessionApiSettings, identity: Identity
) -> None:
    away = settings.database.model_copy(update={"url": "postgresql://nobody@127.0.0.1:9/nothing"})
    numbered = build(settings.model_copy(update={"database": away}))
    roles = IdentitySettings(jwks=str(identity.jwks), issuer=ISSUER, claims=ClaimSettings(roles=ROLES))
    of_provider = build(settings.model_copy(update={"database": away, "identity": roles}))

    answers = []
    for service in (numbered, of_provider):
        transport = httpx2.ASGITransport(app=service.app)
        headers = {"authorization": f"Bearer {identity.signed({'sub': '7', 'name': 'Ada'})}"}
        async with httpx2.AsyncClient(transport=transport, base_url="http://api", headers=headers) as caller:
            answers.append(await caller.get("/me"))
        await service.database.close()

    assert [answer.status_code for answer in answers] == [200, 503]
    assert answers[1].json()["code"] == "DEPENDENCY_DOWN"


async def test_without_a_provider_nobody_signs_in_and_no_token_is_needed(api: Api) -> None:
    answer = await api.client({}).get("/onboarding/sign-in")

    assert (answer.status_code, answer.json()["enabled"]) == (200, False)


async def test_a_provider_that_is_away_is_said_so(settings: SessionApiSettings, identity: Identity) -> None:
    chosen = settings.model_copy(update={"oidc": OidcSettings(authority="http://127.0.0.1:9", client_id="web")})
    api = Api(build(chosen), chosen, identity)

    answer = await api.client({}).get("/onboarding/sign-in")
    await api.close()

    assert (answer.status_code, answer.json()["code"]) == (503, "DEPENDENCY_DOWN")
