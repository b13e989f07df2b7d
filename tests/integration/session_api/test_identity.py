"""Permissions and tenants, on every route."""

import httpx2
import pytest

from tests.integration.session_api.service import PERMISSIONS, TENANT, Api

_BASE = "/tenants/{tenant}/onboarding"
ROUTES = [
    ("GET", f"{_BASE}/session", "onboarding.read"),
    ("POST", f"{_BASE}/session", "onboarding.write"),
    ("PATCH", f"{_BASE}/session/1", "onboarding.write"),
    ("POST", f"{_BASE}/session/1/complete", "onboarding.write"),
    ("POST", f"{_BASE}/session/1/abandon", "onboarding.write"),
    ("GET", f"{_BASE}/session/1/history", "onboarding.read"),
    ("GET", f"{_BASE}/session/1/report", "onboarding.read"),
    ("GET", f"{_BASE}/tasks", "onboarding.read"),
    ("POST", f"{_BASE}/tasks/license.inventory/runs", "onboarding.run"),
    ("GET", f"{_BASE}/steps", "onboarding.read"),
    ("POST", f"{_BASE}/steps/1/runs", "onboarding.run"),
    ("GET", f"{_BASE}/runs", "onboarding.read"),
    ("GET", f"{_BASE}/runs/1", "onboarding.read"),
    ("POST", f"{_BASE}/runs/1/cancel", "onboarding.run"),
    ("POST", f"{_BASE}/runs/1/resume", "onboarding.run"),
    ("POST", f"{_BASE}/runs/1/retry", "onboarding.run"),
    ("GET", f"{_BASE}/provider-connections", "onboarding.connections"),
    ("POST", f"{_BASE}/provider-connections", "onboarding.connections"),
    ("GET", f"{_BASE}/provider-connections/1", "onboarding.connections"),
    ("POST", f"{_BASE}/provider-connections/1/disable", "onboarding.connections"),
    ("GET", f"{_BASE}/consent-requests", "onboarding.read"),
    ("POST", f"{_BASE}/consent-requests", "onboarding.run"),
    ("GET", f"{_BASE}/consent-requests/1", "onboarding.read"),
    ("GET", f"{_BASE}/session/1", "onboarding.read"),
    ("POST", f"{_BASE}/session/1/release", "onboarding.write"),
    ("GET", f"{_BASE}/sessions", "onboarding.read"),
    ("GET", f"{_BASE}/name", "onboarding.read"),
    ("PUT", f"{_BASE}/name", "onboarding.connections"),
    ("GET", f"{_BASE}/evidence", "onboarding.read"),
    ("GET", f"{_BASE}/evidence/1", "onboarding.read"),
    ("GET", f"{_BASE}/evidence/verification", "onboarding.read"),
    ("GET", f"{_BASE}/events", "onboarding.read"),
]
_BODIES = {
    ("PATCH", f"{_BASE}/session/1"): {},
    ("POST", f"{_BASE}/provider-connections"): {},
    ("PUT", f"{_BASE}/name"): {},
}


def routes_of(api: Api) -> set[tuple[str, str]]:
    return {
        (method, route.path.replace(":int", "").replace(":str", ""))
        for route in api.service.app.routes
        if route.path.startswith("/tenants")
        for method in getattr(route, "methods", ())
        if method not in ("OPTIONS", "HEAD")
    }


async def test_this_list_names_every_route_of_a_tenant(api: Api) -> None:
    named = {(method, path.count("/")) for method, path, _ in ROUTES}
    served = {(method, path.count("/")) for method, path in routes_of(api)}

    assert served == named
    assert len(routes_of(api)) == len(ROUTES)


async def ask_all(caller: httpx2.AsyncClient, tenant: int) -> dict[tuple[str, str], httpx2.Response]:
    """One answer for each route."""
    return {
        (method, path): await caller.request(
            method, path.format(tenant=tenant), json=_BODIES.get((method, path)), headers={"x-request-id": "one"}
        )
        for method, path, _ in ROUTES
    }


async def test_without_a_token_every_route_answers_401(api: Api) -> None:
    for route, answer in (await ask_all(api.client({}), TENANT)).items():
        assert (answer.status_code, answer.json()["code"]) == (401, "TOKEN_MISSING"), route
        assert answer.headers["www-authenticate"].startswith("Bearer"), route


async def test_a_foreign_tenant_is_as_unknown_as_a_nonexistent_tenant(api: Api) -> None:
    await api.session()
    stranger = api.caller(7, tenants=[43])
    foreign, missing = await ask_all(stranger, TENANT), await ask_all(stranger, 987654)

    for route, answer in foreign.items():
        assert answer.status_code == 404, route
        assert answer.json() == missing[route].json(), route


async def test_the_api_page_names_the_permission_of_each_route(api: Api) -> None:
    paths = (await api.client({}).get("/schema/openapi.json")).json()["paths"]
    named = {
        (method.upper(), path.count("/"), operation["security"][0]["token"][0])
        for path, item in paths.items()
        for method, operation in item.items()
        if path.startswith("/tenants")
    }

    assert named == {(method, path.count("/"), permission) for method, path, permission in ROUTES}


@pytest.mark.parametrize("permission", PERMISSIONS)
async def test_each_route_needs_its_permission(api: Api, permission: str) -> None:
    others = [name for name in PERMISSIONS if name != permission]
    answers = await ask_all(api.caller(permissions=others), TENANT)

    refused = {route for route, answer in answers.items() if answer.status_code == 403}
    assert refused == {(method, path) for method, path, needed in ROUTES if needed == permission}
    for route in refused:
        assert answers[route].json()["permission"] == permission


async def test_each_route_needs_its_permission_in_this_tenant(api: Api) -> None:
    granted = {TENANT: ["onboarding.read"], 43: list(PERMISSIONS)}
    answers = await ask_all(api.caller(tenants=granted), TENANT)

    refused = {route for route, answer in answers.items() if answer.status_code == 403}
    assert refused == {(method, path) for method, path, needed in ROUTES if needed != "onboarding.read"}


async def test_a_takeover_needs_its_permission_in_this_tenant(api: Api) -> None:
    session = await api.session()
    granted = {TENANT: ["onboarding.write"], 43: ["onboarding.takeover"]}
    path = f"/tenants/{TENANT}/onboarding/session/{session['id']}"

    answer = await api.caller(8, tenants=granted).patch(path, json={"takeover": True})

    assert (answer.status_code, answer.json()["permission"]) == (403, "onboarding.takeover")


@pytest.mark.parametrize("path", ["/onboarding/task-types", "/onboarding/reason-codes"])
async def test_a_catalogue_needs_a_token_only(api: Api, path: str) -> None:
    assert (await api.client({}).get(path)).status_code == 401
    assert (await api.caller(tenants=[], permissions=[]).get(path)).status_code == 200
