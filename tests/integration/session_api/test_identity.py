"""Who may do what: every route asks."""

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
    ("GET", f"{_BASE}/tasks", "onboarding.read"),
    ("POST", f"{_BASE}/tasks/license.inventory/runs", "onboarding.run"),
    ("GET", f"{_BASE}/runs", "onboarding.read"),
    ("GET", f"{_BASE}/runs/1", "onboarding.read"),
    ("POST", f"{_BASE}/runs/1/cancel", "onboarding.run"),
    ("GET", f"{_BASE}/provider-connections", "onboarding.connections"),
    ("POST", f"{_BASE}/provider-connections", "onboarding.connections"),
    ("GET", f"{_BASE}/provider-connections/1", "onboarding.connections"),
    ("POST", f"{_BASE}/provider-connections/1/disable", "onboarding.connections"),
    ("GET", f"{_BASE}/evidence", "onboarding.read"),
    ("GET", f"{_BASE}/evidence/1", "onboarding.read"),
    ("GET", f"{_BASE}/evidence/verification", "onboarding.read"),
]
_BODIES = {"PATCH": {}}


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


@pytest.mark.parametrize(("method", "path", "permission"), ROUTES)
async def test_without_a_token_the_answer_is_401(api: Api, method: str, path: str, permission: str) -> None:
    answer = await api.client({}).request(method, path.format(tenant=TENANT), json=_BODIES.get(method))

    assert answer.status_code == 401
    assert answer.headers["www-authenticate"].startswith("Bearer")
    assert answer.json()["code"] == "TOKEN_MISSING"


@pytest.mark.parametrize(("method", "path", "permission"), ROUTES)
async def test_a_tenant_of_others_is_as_unknown_as_one_that_does_not_exist(
    api: Api, method: str, path: str, permission: str
) -> None:
    await api.session()
    stranger = api.caller(7, tenants=[43])
    foreign, missing = [
        await stranger.request(method, path.format(tenant=tenant), json=_BODIES.get(method), headers=SAME_ID)
        for tenant in (TENANT, 987654)
    ]

    assert foreign.status_code == 404
    assert foreign.json() == missing.json()


SAME_ID = {"x-request-id": "one"}


@pytest.mark.parametrize(("method", "path", "permission"), ROUTES)
async def test_each_route_needs_its_permission(api: Api, method: str, path: str, permission: str) -> None:
    others = [name for name in PERMISSIONS if name != permission]
    caller = api.caller(permissions=others)
    answer = await caller.request(method, path.format(tenant=TENANT), json=_BODIES.get(method))

    assert answer.status_code == 403
    assert (answer.json()["code"], answer.json()["permission"]) == ("PERMISSION_MISSING", permission)


async def test_the_catalogue_needs_a_token_only(api: Api) -> None:
    assert (await api.client({}).get("/onboarding/task-types")).status_code == 401
    assert (await api.caller(tenants=[], permissions=[]).get("/onboarding/task-types")).status_code == 200
