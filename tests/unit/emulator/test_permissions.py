"""Permissions: every path and verb of Graph needs one, and no other is accepted."""

import re

import pytest

from microsoft_emulator.app import ROUTES
from microsoft_emulator.app_roles import APP_ROLES
from microsoft_emulator.routing import Route
from tests.unit.emulator.microsoft import APP, PARTNER, TENANT, microsoft

GUID = "cccccccc-0000-4000-8000-00000000000c"
ADVANCED = {"ConsistencyLevel": "eventual"}


def named(route: Route) -> str:
    return f"{route.method} {route.path}"


def path_of(route: Route) -> str:
    counted = "?$count=true" if route.query.cast else ""
    return re.sub(r"\{\w+\}", GUID, route.path) + counted


@pytest.mark.parametrize("route", ROUTES, ids=named)
async def test_a_token_without_roles_is_refused(route: Route) -> None:
    async with microsoft() as ms:
        for tenant in (TENANT, PARTNER):
            await ms.tell(tenant, consented=[APP], granted=[])
            answer = await ms.graph(path_of(route), method=route.method, tenant=tenant, headers=ADVANCED, body={})

            assert answer.status_code == 403
            assert answer.json()["error"]["code"] == "Authorization_RequestDenied"


@pytest.mark.parametrize("route", ROUTES, ids=named)
async def test_each_sufficient_set_is_accepted(route: Route) -> None:
    async with microsoft() as ms:
        for sufficient in route.permissions:
            await ms.tell(PARTNER, consented=[APP], granted=sorted(sufficient))
            answer = await ms.graph(path_of(route), method=route.method, tenant=PARTNER, headers=ADVANCED, body={})

            assert answer.status_code != 403, sufficient


@pytest.mark.parametrize("route", ROUTES, ids=named)
async def test_all_other_permissions_together_are_refused(route: Route) -> None:
    needed = frozenset().union(*(sorted(sufficient)[:1] for sufficient in route.permissions))
    others = [name for name in APP_ROLES.app_roles if name not in needed]
    async with microsoft() as ms:
        await ms.tell(PARTNER, consented=[APP], granted=others)
        answer = await ms.graph(path_of(route), method=route.method, tenant=PARTNER, headers=ADVANCED, body={})

    assert answer.status_code == 403


def test_reading_permissions_allow_no_change() -> None:
    reading = frozenset(name for name in APP_ROLES.app_roles if "Write" not in name)

    assert [named(route) for route in ROUTES if route.method != "GET" and route.permits(reading)] == []


def test_the_manifest_allows_no_change() -> None:
    manifest = frozenset(APP_ROLES.required_by_default)

    assert [named(route) for route in ROUTES if route.method != "GET" and route.permits(manifest)] == []


def test_no_route_stands_twice() -> None:
    names = [named(route) for route in ROUTES]

    assert len(names) == len(set(names)) == 44


@pytest.mark.parametrize(("method", "path", "status"), [("DELETE", "/users", 405), ("GET", "/planets", 404)])
async def test_other_verbs_and_paths_are_unknown(method: str, path: str, status: int) -> None:
    async with microsoft() as ms:
        await ms.consent(TENANT)
        assert (await ms.graph(path, method=method)).status_code == status
