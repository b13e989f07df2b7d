"""Tenants of which people reported that a check was wrong: each with its right verdict, over real HTTP.

Every case stands for a kind of fault; the other members of the kind are in tests/unit/task_runner/checks.
"""

from typing import Any

import pytest

from microsoft_emulator.ids import PARTNER_TENANT, stable_id
from microsoft_emulator.partner import RELATIONSHIPS
from task_runner.checks.identity.protection import DEFAULTS, POLICIES
from task_runner.checks.identity.registration import REPORT
from task_runner.checks.lists import PLANS
from task_runner.tasks import TaskFault, Wait, discover
from task_runner.testing import graph_server, task_context
from tests.integration.graph.hostile import as_json, context_on, graph_answers
from tests.support.policies import ALL_GUESTS, SYNC_ROLE, blocks, guests, sent
from tests.support.policies import REPORT as REPORT_ONLY

TASKS = discover()
TENANT = "11111111-2222-4333-8444-555555555555"
EMERGENCY = "aaaaaaaa-0000-4000-8000-000000000001"
ADMINISTRATORS = [f"0000000{number}-1111-4222-8333-000000000000" for number in (1, 2, 3)]
APPLICATION = "45a330b1-b1ec-4cc1-9161-9f03992aa49f"
GLOBAL_ADMINISTRATOR = "62e90394-69f5-4237-9190-012177145e10"
ROLES = {
    "Application Administrator": "9b895d92-2cd3-44c7-9d02-a6ac2d5ea5c3",
    "Privileged Role Administrator": "e8611ab8-c189-46e8-94e1-60213ab1f814",
    "Global Reader": "f2ef992c-3afb-46b9-b7cf-a126ee74c451",
}
LICENCE_ADMINISTRATOR = "4d6ac14f-3453-41d0-bef9-a3e0c569773a"

ALL_PLATFORMS = {"platforms": {"includePlatforms": ["all"], "excludePlatforms": []}}
WITHOUT_SYNC = {"excludeRoles": [SYNC_ROLE]}
PILOT = sent("Pilot", users={"includeUsers": [ADMINISTRATORS[0]]}, grant={"builtInControls": ["compliantDevice"]})


def policies(*bodies: dict[str, Any]) -> dict[str, Any]:
    return {"overrides": {DEFAULTS: {"isEnabled": False}, POLICIES: list(bodies)}}


def sku(plan: str, state: str = "Enabled", plan_state: str = "Success", **units: int) -> dict[str, Any]:
    product = {
        "skuPartNumber": "SPB",
        "capabilityStatus": state,
        "appliesTo": "User",
        "consumedUnits": 20,
        "prepaidUnits": {"enabled": 25, "warning": 0, "suspended": 0, "lockedOut": 0, **units},
        "servicePlans": [{"servicePlanId": plan, "provisioningStatus": plan_state, "appliesTo": "User"}],
    }
    return {"overrides": {"/subscribedSkus": [product]}}


def registered(user: str) -> dict[str, Any]:
    return {"id": user, "isAdmin": True, "isMfaRegistered": True, "isMfaCapable": True}


def disabled(user: str) -> dict[str, Any]:
    return {"id": user, "accountEnabled": False, "onPremisesSyncEnabled": None}


def holding(user: str) -> dict[str, Any]:
    return {
        "principalId": user,
        "roleDefinitionId": GLOBAL_ADMINISTRATOR,
        "memberType": "Direct",
        "principal": {"@odata.type": "#microsoft.graph.user", "id": user},
    }


ALL_EXCLUDED = policies(sent(users={"excludeUsers": ADMINISTRATORS}))
ALL_EXCLUDED["overrides"][REPORT] = [registered(user) for user in ADMINISTRATORS]
TWO_DISABLED = {
    "overrides": {
        "/roleManagement/directory/roleAssignmentScheduleInstances": [holding(user) for user in ADMINISTRATORS[:2]],
        "/roleManagement/directory/roleEligibilityScheduleInstances": [],
        "/users": [disabled(user) for user in ADMINISTRATORS[:2]],
    }
}
GUESTS_APART = policies(
    sent(users={"excludeGuestsOrExternalUsers": guests(ALL_GUESTS)}),
    sent("Guests", users={"includeUsers": [], "includeGuestsOrExternalUsers": guests(ALL_GUESTS)}),
)
NOT_FOR_MEMBERS = policies(
    sent(users={"excludeUsers": [EMERGENCY]}),
    blocks(
        "Workloads",
        clients=("all",),
        users={"includeUsers": ["None"]},
        conditions={"clientApplications": {"includeServicePrincipals": ["ServicePrincipalsInMyTenant"]}},
    ),
    sent("Guests", users={"includeUsers": [], "includeGuestsOrExternalUsers": guests("b2bCollaborationGuest")}),
)
NOT_FOR_MEMBERS["overrides"]["/users"] = [{"id": EMERGENCY, "accountEnabled": True}]
OWN_RESOURCES = "ManagePermissionGrantsForOwnedResource.microsoft-dynamically-managed-permissions-for-team"
OWNERS_ONLY = {"defaultUserRolePermissions": {"permissionGrantPoliciesAssigned": [OWN_RESOURCES]}}

CASES: dict[str, tuple[dict[str, Any], dict[str, str]]] = {
    "all platforms restrict nothing": (
        policies(sent(conditions=ALL_PLATFORMS), blocks(conditions=ALL_PLATFORMS)),
        {
            "identity.baseline": "ok BASELINE_CA",
            "identity.admin_mfa": "ok ADMIN_MFA_ENFORCED",
            "identity.legacy_auth": "ok LEGACY_BLOCKED",
        },
    ),
    "the only subscription is in grace": (
        sku(PLANS.premium_p1, "Warning", enabled=0, warning=25),
        {"license.inventory": "warn LICENSE_GRACE"},
    ),
    "seats in grace are seats": (
        sku(PLANS.premium_p1, enabled=5, warning=20),
        {"license.inventory": "ok LICENSE_P1"},
    ),
    "the service plan is disabled": (
        sku(PLANS.premium_p2, plan_state="Disabled"),
        {"license.inventory": "warn LICENSE_NOT_PROVISIONED"},
    ),
    "nobody can sign in": (TWO_DISABLED, {"identity.global_admins": "fail GA_TOO_FEW"}),
    "every administrator is excluded": (
        ALL_EXCLUDED,
        {
            "identity.baseline": "warn BASELINE_CA_EXCLUSIONS",
            "identity.admin_mfa": "fail ADMIN_MFA_EXCLUSIONS",
        },
    ),
    "directory synchronization is excluded": (
        policies(sent(users=WITHOUT_SYNC), blocks(users=WITHOUT_SYNC)),
        {"identity.baseline": "ok BASELINE_CA", "identity.legacy_auth": "ok LEGACY_BLOCKED"},
    ),
    "a pilot reaches one user": (
        policies(sent(users={"excludeUsers": [EMERGENCY]}), PILOT),
        {"identity.emergency_access": "warn BREAKGLASS_GUESSED"},
    ),
    "only legacy authentication is blocked": (policies(blocks()), {"identity.baseline": "fail BASELINE_NONE"}),
    "only a block reports": (policies(blocks(state=REPORT_ONLY)), {"identity.baseline": "fail BASELINE_NONE"}),
    "guests have a policy of their own": (GUESTS_APART, {"identity.baseline": "ok BASELINE_CA"}),
    "one application is excluded": (
        policies(sent(applications={"excludeApplications": [APPLICATION]})),
        {"identity.admin_mfa": "fail ADMIN_MFA_PARTIAL"},
    ),
    "owners of resources may consent": (
        {"overrides": {"/policies/authorizationPolicy": OWNERS_ONLY}},
        {"identity.user_consent": "ok CONSENT_USER_BLOCKED"},
    ),
    "an application without consent": ({"consented": ()}, {"app.consent": "waiting CONSENT_MISSING"}),
    "an application with half of its permissions": (
        {"granted": ["Application.Read.All", "Directory.Read.All"]},
        {"app.consent": "waiting CONSENT_PERMISSIONS_MISSING"},
    ),
}


async def verdict(name: str, control: dict[str, Any], settings: dict[str, Any]) -> str:
    async with task_context(tenant=TENANT, settings=settings, **control) as context:
        try:
            result = await TASKS[name](context)
        except TaskFault as fault:
            return f"fault {fault.reason_code}"
        except Wait as wait:
            return f"waiting {wait.reason_code}"
    return f"{result.status.value} {result.reason_code}"


@pytest.mark.parametrize("case", CASES)
async def test_a_reported_tenant_gets_the_right_verdict(case: str) -> None:
    control, expected = CASES[case]

    assert {name: await verdict(name, control, {}) for name in expected} == expected


async def test_an_undeclared_user_beside_a_declared_one_is_an_exclusion() -> None:
    control = policies(sent(users={"excludeUsers": [EMERGENCY, ADMINISTRATORS[0]]}))
    settings = {"emergency_access": {TENANT: (EMERGENCY,)}}

    assert await verdict("identity.admin_mfa", control, settings) == "warn ADMIN_MFA_EXCLUSIONS"


async def test_policies_for_workloads_and_guests_do_not_reach_a_member() -> None:
    settings = {"emergency_access": {TENANT: (EMERGENCY,)}}

    assert await verdict("identity.emergency_access", NOT_FOR_MEMBERS, settings) == "ok BREAKGLASS_OK"


async def test_a_delegated_grant_without_scopes_grants_nothing() -> None:
    async with graph_server() as server, task_context(server=server, tenant=TENANT) as context:
        principal = (await TASKS["app.consent"](context)).payload["service_principal_id"]
        grant = {"id": "g", "clientId": principal, "resourceId": "other", "scope": None}
        await server.tell(TENANT, overrides={f"/servicePrincipals/{principal}/oauth2PermissionGrants": [grant]})
        result = await TASKS["app.consent"](context)

    assert (result.status.value, result.reason_code) == ("ok", "CONSENT_OK")


async def test_a_404_that_is_not_about_the_principal_says_nothing_about_consent() -> None:
    page = as_json({"error": {"code": "UnknownError", "message": "<!DOCTYPE html><title>404</title>"}}, 404)
    async with context_on(graph_answers(page)) as context:
        with pytest.raises(TaskFault) as caught:
            await TASKS["app.consent"](context)

    assert caught.value.reason_code == "GRAPH_UNAVAILABLE"


def relationship(number: int, name: str, *roles: str) -> dict[str, Any]:
    return {
        "id": f"{TENANT}-00000000-0000-4000-8000-00000000000{number}",
        "displayName": name,
        "customer": {"tenantId": TENANT, "displayName": "Contoso"},
        "accessDetails": {"unifiedRoles": [{"roleDefinitionId": role} for role in roles]},
        "status": "active",
        "autoExtendDuration": "P180D",
        "createdDateTime": "2026-10-27T00:00:00.1234567Z",
        "activatedDateTime": "2026-10-28T00:00:00.1234567Z",
        "endDateTime": f"203{number}-07-19T00:00:00.1234567Z",
    }


def mapping(name: str, role: str) -> dict[str, Any]:
    group = stable_id(PARTNER_TENANT, f"group/{name}")
    return {
        "id": f"mapping-{role}",
        "@odata.etag": "x",
        "status": "active",
        "accessContainer": {"accessContainerId": group, "accessContainerType": "securityGroup"},
        "accessDetails": {"unifiedRoles": [{"roleDefinitionId": role}]},
    }


async def test_a_second_narrower_relationship_takes_nothing_away() -> None:
    full = relationship(1, "Managed services", *ROLES.values())
    narrow = relationship(2, "Licence desk", LICENCE_ADMINISTRATOR)
    overrides = {
        RELATIONSHIPS: [full, narrow],
        f"{RELATIONSHIPS}/{full['id']}/accessAssignments": [mapping(*role) for role in ROLES.items()],
        f"{RELATIONSHIPS}/{narrow['id']}/accessAssignments": [],
    }
    names = ("gdap.relationship", "gdap.roles", "gdap.group_mapping")

    assert [await verdict(name, {"overrides": overrides}, {}) for name in names] == [
        "ok GDAP_ACTIVE",
        "ok GDAP_ROLES_OK",
        "ok MAPPING_OK",
    ]
