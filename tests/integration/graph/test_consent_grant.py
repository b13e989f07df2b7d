"""``app.consent_grant`` changes a tenant: once, repeatedly, half done before, and seen by the checks."""

import uuid

import pytest

from task_runner.checks.lists import MANIFEST
from task_runner.tasks import discover
from task_runner.testing import CLIENT_ID, GraphServer, graph_server, task_context

TASKS = discover()


async def decision_of(name: str, server: GraphServer, tenant: str) -> str:
    async with task_context(server=server, tenant=tenant) as context:
        return (await TASKS[name](context)).reason_code


async def test_a_grant_repairs_an_unconsented_tenant() -> None:
    tenant = str(uuid.uuid4())
    async with graph_server() as server:
        await server.tell(tenant, "unconsented")
        before = await decision_of("app.consent", server, tenant)
        granted = await decision_of("app.consent_grant", server, tenant)
        after = [await decision_of(name, server, tenant) for name in ("app.consent", "graph.connectivity")]

    assert (before, granted, after) == ("CONSENT_MISSING", "CONSENT_OK", ["CONSENT_OK", "GRAPH_OK"])


async def test_an_older_token_is_renewed_when_it_names_fewer_permissions() -> None:
    async with task_context("unconsented") as context:
        assert (await TASKS["graph.connectivity"](context)).reason_code == "GRAPH_FORBIDDEN"
        await TASKS["app.consent_grant"](context)
        assert (await TASKS["graph.connectivity"](context)).reason_code == "GRAPH_OK"


async def test_the_evidence_of_a_grant_lists_the_changes() -> None:
    async with task_context("unconsented") as context:
        first = await TASKS["app.consent_grant"](context)
        second = await TASKS["app.consent_grant"](context)

    assert first.payload["changes"] == {
        "service_principal_created": True,
        "granted_now": sorted(MANIFEST.app_roles),
    }
    assert second.payload["changes"] == {"service_principal_created": False, "granted_now": []}
    assert (first.reason_code, second.reason_code) == ("CONSENT_OK", "CONSENT_OK")


async def test_a_grant_that_was_interrupted_goes_on_where_it_stopped() -> None:
    async with task_context("unconsented") as context:
        principal = await context.graph.post("/servicePrincipals", {"appId": CLIENT_ID})
        resource = await context.graph.get(f"/servicePrincipals(appId='{MANIFEST.resource_app_id}')")
        role = MANIFEST.app_roles["User.Read.All"]
        body = {"principalId": principal["id"], "resourceId": resource["id"], "appRoleId": role}
        await context.graph.post(f"/servicePrincipals/{principal['id']}/appRoleAssignments", body)

        check = await TASKS["app.consent"](context)
        result = await TASKS["app.consent_grant"](context)

    assert (check.reason_code, check.payload["granted"]) == ("CONSENT_PERMISSIONS_MISSING", ["User.Read.All"])
    assert result.reason_code == "CONSENT_OK"
    assert "User.Read.All" not in result.payload["changes"]["granted_now"]


async def test_a_grant_beyond_the_manifest_is_reported_and_left_alone() -> None:
    extra = "f6e9e124-4586-492f-adc0-c6f96e4823fd"
    async with task_context() as context:
        await context.graph.granted_roles()
        principal = await context.graph.get(f"/servicePrincipals(appId='{CLIENT_ID}')")
        resource = await context.graph.get(f"/servicePrincipals(appId='{MANIFEST.resource_app_id}')")
        body = {"principalId": principal["id"], "resourceId": resource["id"], "appRoleId": extra}
        await context.graph.post(f"/servicePrincipals/{principal['id']}/appRoleAssignments", body)

        results = [await TASKS[name](context) for name in ("app.consent", "app.consent_grant")]

    assert [(result.reason_code, result.payload["extra"]) for result in results] == [("CONSENT_EXCESS", [extra])] * 2


async def test_delegated_grants_are_excess_too() -> None:
    async with task_context() as context:
        await context.graph.granted_roles()
        principal = await context.graph.get(f"/servicePrincipals(appId='{CLIENT_ID}')")
    path = f"/servicePrincipals/{principal['id']}/oauth2PermissionGrants"
    grants = [{"id": "g", "resourceId": "r", "scope": "User.Read Mail.Read"}]
    async with task_context(tenant=context.connection.external_tenant_id, overrides={path: grants}) as context:
        result = await TASKS["app.consent"](context)

    assert (result.reason_code, result.payload["extra"]) == (
        "CONSENT_EXCESS",
        ["delegated Mail.Read on r", "delegated User.Read on r"],
    )


@pytest.mark.parametrize("status", [429, 503])
async def test_a_throttled_grant_is_finished_after_the_wait(status: int) -> None:
    behaviour = "throttling" if status == 429 else "failing"
    async with task_context(behaviour, times=3, retry_after=0) as context:
        result = await TASKS["app.consent_grant"](context)

    assert result.reason_code == "CONSENT_OK"
