"""No check returns ``ok`` when a field that it reads is missing or malformed."""

import asyncio
import copy
import time
from collections.abc import Iterator
from contextlib import AsyncExitStack
from typing import Any

import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from microsoft_emulator.directory import ADMINISTRATORS
from microsoft_emulator.partner import RELATIONSHIPS
from microsoft_emulator.tenants import PARTNER_TENANT
from task_runner.checks.identity.protection import DEFAULTS, POLICIES
from task_runner.checks.identity.registration import REPORT
from task_runner.checks.identity.user_consent import AUTHORIZATION
from task_runner.checks.lists import ADMIN_ROLES, MANIFEST
from task_runner.providers import Providers, ProviderSettings
from task_runner.tasks import discover
from task_runner.testing import (
    CLIENT_ID,
    CREDENTIALS,
    EveryTenant,
    GraphServer,
    connection_to,
    graph_server,
    task_context,
)
from tests.support.emergency import ACCOUNT, TENANT, TOLD

TASKS = discover()
ROLES = "/roleManagement/directory"
OURS = f"/servicePrincipals(appId='{CLIENT_ID}')"

PATHS: dict[str, tuple[str, ...]] = {
    "gdap.relationship": (RELATIONSHIPS,),
    "gdap.roles": (RELATIONSHIPS,),
    "gdap.group_mapping": (RELATIONSHIPS, "{relationship}/accessAssignments", "/groups"),
    "graph.connectivity": ("/organization",),
    "app.consent": (
        OURS,
        f"/servicePrincipals(appId='{MANIFEST.resource_app_id}')",
        "{ours}/appRoleAssignments",
        "{ours}/oauth2PermissionGrants",
    ),
    "license.inventory": ("/subscribedSkus",),
    "identity.baseline": (DEFAULTS, POLICIES),
    "identity.admin_mfa": (DEFAULTS, POLICIES, REPORT),
    "identity.legacy_auth": (DEFAULTS, POLICIES),
    "identity.emergency_access": (POLICIES, "/users"),
    "identity.user_consent": (AUTHORIZATION,),
    "identity.global_admins": (
        f"{ROLES}/roleAssignmentScheduleInstances",
        f"{ROLES}/roleEligibilityScheduleInstances",
        "/users",
    ),
}

NOT_READ = frozenset(
    {
        "tenantType", "type", "isDefault", "isInitial", "capabilities",
        "skuId", "appliesTo", "suspended", "warning", "lockedOut", "servicePlanName", "skuPartNumber",
        "servicePrincipalRiskLevels", "includeUserActions", "sessionControls",
        "includeAuthenticationContextClassReferences",
        "directoryScopeId", "assignmentType", "memberType", "principalType", "resourceDisplayName", "appId",
        "userPrincipalName", "createdDateTime", "modifiedDateTime", "templateId", "insiderRiskLevels",
        "authenticationFlows", "appOwnerOrganizationId", "servicePrincipalType", "principalDisplayName",
        "startDateTime", "endDateTime", "mailEnabled", "groupTypes", "isAssignableToRole",
    }
)  # fmt: skip
NOT_READ_IN = {
    RELATIONSHIPS: {"@odata.type", "@odata.etag", "duration", "lastModifiedDateTime"},
    "accessAssignments": {"@odata.type", "@odata.etag", "createdDateTime", "lastModifiedDateTime"},
    "/organization": {"displayName", "verifiedDomains", "name"},
    DEFAULTS: {"id", "displayName"},
    REPORT: {
        "userDisplayName", "userType", "isPasswordlessCapable", "methodsRegistered", "lastUpdatedDateTime",
        "isMfaRegistered",
    },
    POLICIES: {"displayName"},
    AUTHORIZATION: {
        "id", "displayName", "allowInvitesFrom", "allowedToUseSSPR", "blockMsolPowerShell", "guestUserRoleId",
        "allowedToCreateApps", "allowedToCreateSecurityGroups", "allowedToCreateTenants", "allowedToReadOtherUsers",
    },
    "/subscribedSkus": {"id"},
    "/users": {"displayName", "userType"},
    f"{ROLES}/roleAssignmentScheduleInstances": {"id"},
    f"{ROLES}/roleEligibilityScheduleInstances": {"id"},
    OURS: {"displayName"},
    f"/servicePrincipals(appId='{MANIFEST.resource_app_id}')": {"displayName", "accountEnabled"},
    "appRoleAssignments": {"id", "principalId"},
}  # fmt: skip
NOT_READ_BY = {"identity.emergency_access": {"onPremisesSyncEnabled"}}
DECIDING = {
    "identity.baseline": lambda policy: policy["grantControls"]["builtInControls"] == ["mfa"],
    "identity.admin_mfa": lambda policy: policy["grantControls"]["builtInControls"] == ["mfa"],
    "identity.legacy_auth": lambda policy: policy["grantControls"]["builtInControls"] == ["block"],
    "identity.emergency_access": lambda policy: policy["state"] == "enabled",
}
"""The policies on which a check's ``ok`` depends; another one that cannot be judged changes nothing."""
ASKED_FOR = {
    "gdap.group_mapping": ("/groups", lambda group: group["securityEnabled"]),
    "identity.global_admins": ("/users", lambda user: user["displayName"] in ADMINISTRATORS),
    "identity.admin_mfa": (REPORT, lambda user: user["isAdmin"]),
    "identity.emergency_access": ("/users", lambda user: user["id"] == ACCOUNT),
}
"""Properties that the check leaves to a filter of Microsoft Graph: other items are never sent to it."""

PARAMS = {
    f"{ROLES}/roleAssignmentScheduleInstances": {"$expand": "principal"},
    f"{ROLES}/roleEligibilityScheduleInstances": {"$expand": "principal"},
    "/users": {"$select": "id,displayName,userPrincipalName,accountEnabled,onPremisesSyncEnabled"},
}
"""Properties that are sent only if they are asked for."""

Way = tuple[str | int, ...]


def ways(body: Any, before: Way = ()) -> Iterator[Way]:
    """The way to every field in a body."""
    items = body.items() if isinstance(body, dict) else enumerate(body) if isinstance(body, list) else ()
    for key, value in items:
        if isinstance(key, str):
            yield (*before, key)
        yield from ways(value, (*before, key))


def is_read(task: str, path: str, way: Way) -> bool:
    name = way[-1]
    unread = NOT_READ_IN.get(path) or NOT_READ_IN.get(path.rpartition("/")[2], set())
    if way[-2:] in (("customer", "displayName"), ("principal", "displayName"), ("principal", "id")):
        return False
    return not (name in NOT_READ or name in NOT_READ_BY.get(task, ()) or name in unread)


def tenant_of(task: str) -> str:
    """The tenant that a task reads: the customer's, or our own."""
    return PARTNER_TENANT if task.startswith("gdap.") else TENANT


class World:
    """One server and one event loop for all examples, and what a healthy tenant answers."""

    def __init__(self) -> None:
        self._runner = asyncio.Runner()
        self._stack = AsyncExitStack()
        self.server = self._runner.run(self._started())
        self.bodies = {name: self._runner.run(self._healthy(name, paths)) for name, paths in PATHS.items()}
        for name, (path, asked) in ASKED_FOR.items():
            self.bodies[name][path] = [item for item in self.bodies[name][path] if asked(item)]
        for name, decides in DECIDING.items():
            self.bodies[name][POLICIES] = [item for item in self.bodies[name][POLICIES] if decides(item)]

    async def _started(self) -> GraphServer:
        server = await self._stack.enter_async_context(graph_server())
        hosts = {"graph_url": server.url, "login_url": server.url, "partner_tenant_id": PARTNER_TENANT}
        limits = {"tenant_request_rate": 10_000.0, "shared_reading_seconds": 0.0, "service_limits": {}}
        settings = ProviderSettings(**hosts, **TOLD, **limits, credentials=CREDENTIALS)
        self._providers = await self._stack.enter_async_context(Providers(settings, bindings=EveryTenant()))
        return server

    async def _healthy(self, name: str, paths: tuple[str, ...]) -> dict[str, Any]:
        async with task_context(server=self.server, tenant=TENANT) as context:
            graph = context.graph if tenant_of(name) == TENANT else context.partner_graph
            for client in (context.graph, graph):
                await client.granted_roles()
            principal = await context.graph.get(OURS)
            of_customer = {"$filter": f"customer/tenantId eq '{TENANT}'"}
            (relationship,) = await context.partner_graph.list(RELATIONSHIPS, of_customer)
            ours, theirs = f"/servicePrincipals/{principal['id']}", f"{RELATIONSHIPS}/{relationship['id']}"
            bodies: dict[str, Any] = {}
            for path in (path.format(ours=ours, relationship=theirs) for path in paths):
                asked = PARAMS.get(path)
                body = await graph.get(path, asked)
                bodies[path] = list(await graph.list(path, asked)) if "value" in body else body
                if isinstance(bodies[path], dict):
                    bodies[path].pop("@odata.context", None)
            return bodies

    def status(self, name: str, overrides: dict[str, Any]) -> str:
        return self._runner.run(self._status(name, overrides))

    async def _status(self, name: str, overrides: dict[str, Any]) -> str:
        await self.server.tell(tenant_of(name), overrides=overrides)
        context = self._providers.context_for(
            tenant_id=1,
            run_id=1,
            attempt=1,
            connection=connection_to(TENANT),
            deadline=time.monotonic() + 10,
        )
        return (await TASKS[name](context)).status.value

    def close(self) -> None:
        self._runner.run(self._stack.aclose())
        self._runner.close()


@pytest.fixture(scope="module")
def world() -> Iterator[World]:
    made = World()
    yield made
    made.close()


def parent_of(body: Any, way: Way) -> Any:
    for step in way[:-1]:
        body = body[step]
    return body


@pytest.mark.parametrize("name", list(PATHS))
def test_the_recorded_answers_of_a_healthy_tenant_are_ok(world: World, name: str) -> None:
    assert world.status(name, world.bodies[name]) == "ok"


@pytest.mark.parametrize("name", list(PATHS))
def test_without_any_single_field_it_reads_no_check_says_ok(world: World, name: str) -> None:
    still_ok = []
    for path, body in world.bodies[name].items():
        for way in ways(body):
            spoiled = copy.deepcopy(body)
            del parent_of(spoiled, way)[way[-1]]
            if is_read(name, path, way) and world.status(name, {**world.bodies[name], path: spoiled}) == "ok":
                still_ok.append((path, way))

    assert still_ok == []


wrong_values = st.one_of(
    st.integers(min_value=-5, max_value=-1),
    st.floats(allow_nan=False, allow_infinity=False),
    st.sampled_from(["", {}, [[]], [7], {"x": 1}]),
)


@settings(max_examples=120, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_with_fields_of_the_wrong_type_no_check_says_ok(world: World, data: st.DataObject) -> None:
    name = data.draw(st.sampled_from(sorted(PATHS)))
    path = data.draw(st.sampled_from(sorted(path for path, body in world.bodies[name].items() if body)))
    body = copy.deepcopy(world.bodies[name][path])
    way = data.draw(st.sampled_from([way for way in ways(body) if is_read(name, path, way)]))
    if data.draw(st.booleans()):
        del parent_of(body, way)[way[-1]]
    else:
        parent, wrong = parent_of(body, way), data.draw(wrong_values)
        # Where there is null, an object is of the right type: a policy that is narrower, beside one that is not.
        assume(parent[way[-1]] is not None or not isinstance(wrong, dict))
        assume((way[-1], wrong) != ("displayName", ""))  # an empty name is a name, which only people read
        parent[way[-1]] = wrong

    assert world.status(name, {**world.bodies[name], path: body}) != "ok"


def test_a_missing_number_of_users_is_unknown(world: World) -> None:
    uncounted = {"value": [{"id": "x"}]}

    assert world.status("graph.connectivity", {"/users": uncounted}) == "unknown"


def test_a_role_instance_of_another_role_does_not_count(world: World) -> None:
    bodies = copy.deepcopy(world.bodies["identity.global_admins"])
    for instances in (
        bodies[f"{ROLES}/roleAssignmentScheduleInstances"],
        bodies[f"{ROLES}/roleEligibilityScheduleInstances"],
    ):
        for instance in instances:
            assert instance["roleDefinitionId"] == ADMIN_ROLES.global_administrator
            instance["roleDefinitionId"] = "88d8e3e3-8f55-4a1e-953a-9b9898b8876b"

    assert world.status("identity.global_admins", bodies) == "fail"
