"""The rights of a person's token: scopes and the person's roles both have to permit it."""

from typing import Any

import pytest

from microsoft_emulator.app import ROUTES
from microsoft_emulator.app_roles import APP_ROLES
from microsoft_emulator.delegated_access import permits
from microsoft_emulator.routing import Route
from tests.unit.emulator.browsing import ADMINISTRATOR, MEMBER, REGISTRATION, codes_of_graph, refreshed, tokens_of
from tests.unit.emulator.microsoft import (
    APP,
    EXCHANGE,
    GLOBAL_ADMINISTRATOR,
    OTHER,
    PARTNER,
    READER,
    TENANT,
    codes,
    microsoft,
)

ALL_SCOPES = " ".join(APP_ROLES.app_roles)
ROLES_OF_APPLICATION = ["User.Read.All", "Directory.Read.All"]


def claims(scopes: str, *roles: str, guest: bool = False) -> dict[str, Any]:
    return {"scp": scopes, "wids": list(roles), "acct": int(guest)}


def named(route: Route) -> str:
    return f"{route.method} {route.path}"


@pytest.mark.parametrize("route", ROUTES, ids=named)
def test_no_role_replaces_a_missing_scope(route: Route) -> None:
    assert not permits(route, claims("", GLOBAL_ADMINISTRATOR))
    assert not permits(route, claims("User.Read openid", GLOBAL_ADMINISTRATOR))


@pytest.mark.parametrize("route", ROUTES, ids=named)
def test_a_global_administrator_may_what_the_scopes_allow(route: Route) -> None:
    for sufficient in route.permissions:
        assert permits(route, claims(" ".join(sufficient), GLOBAL_ADMINISTRATOR))


@pytest.mark.parametrize("route", ROUTES, ids=named)
def test_no_scope_replaces_a_missing_role(route: Route) -> None:
    assert not permits(route, claims(ALL_SCOPES, guest=True))
    if route.method != "GET":
        assert not permits(route, claims(ALL_SCOPES, READER))


def test_members_read_people_and_no_policies() -> None:
    readable = {route.path for route in ROUTES if route.method == "GET" and permits(route, claims(ALL_SCOPES))}

    assert {"/users", "/groups", "/organization"} <= readable
    assert not {path for path in readable if path.startswith(("/policies", "/roleManagement", "/reports", "/identity"))}


async def test_roles_of_the_application_give_a_person_nothing() -> None:
    async with microsoft(**REGISTRATION) as ms:
        await ms.consent(TENANT, granted=ROLES_OF_APPLICATION)
        own = await codes_of_graph(ms, "/users", await ms.access())
        personal = await codes_of_graph(ms, "/users", (await tokens_of(ms, ADMINISTRATOR))["access_token"])

    assert (own, personal) == ((200, None), (403, "Authorization_RequestDenied"))


async def test_scopes_of_a_person_give_the_application_nothing() -> None:
    async with microsoft(**REGISTRATION) as ms:
        await ms.consent(TENANT, granted=[], scopes=["Directory.Read.All"])
        own = await codes_of_graph(ms, "/users", await ms.access())
        issued = await tokens_of(ms, MEMBER, scope="Directory.Read.All")
        personal = await codes_of_graph(ms, "/users", issued["access_token"])

    assert (own, personal) == ((403, "Authorization_RequestDenied"), (200, None))


async def test_an_id_token_is_no_access_token() -> None:
    async with microsoft(**REGISTRATION) as ms:
        identity = (await tokens_of(ms))["id_token"]

        assert await codes_of_graph(ms, "/users", identity) == (401, "InvalidAuthenticationToken")


async def test_a_partner_enters_where_a_mapped_group_lets_them() -> None:
    async with microsoft(**REGISTRATION) as ms:
        await ms.tell(PARTNER)
        await ms.tell(TENANT, mappings=[{"role": READER}, {"role": EXCHANGE}])
        await ms.tell(OTHER, relationships=[])
        issued = await tokens_of(ms, ADMINISTRATOR, PARTNER, scope="offline_access Directory.Read.All")
        before = await refreshed(ms, issued["refresh_token"], TENANT)
        for customer in (TENANT, OTHER):
            await ms.consent(customer, granted=[], scopes=["Directory.Read.All"])
        entered = await refreshed(ms, issued["refresh_token"], TENANT)
        unknown = await refreshed(ms, issued["refresh_token"], OTHER)
        read = await codes_of_graph(ms, "/users", entered.json()["access_token"])

    assert codes(before)[2] == [65001]
    assert codes(unknown) == (400, "invalid_grant", [50020])
    assert read == (200, None)


async def test_a_partner_outside_the_groups_is_unknown() -> None:
    async with microsoft(**REGISTRATION) as ms:
        await ms.tell(PARTNER, consented=[APP], granted=[])
        await ms.consent(PARTNER, scopes=["Directory.Read.All"])
        await ms.consent(TENANT, granted=[], scopes=["Directory.Read.All"])
        issued = await tokens_of(ms, MEMBER, PARTNER, scope="offline_access Directory.Read.All")
        answer = await refreshed(ms, issued["refresh_token"], TENANT)

    assert codes(answer) == (400, "invalid_grant", [50020])
