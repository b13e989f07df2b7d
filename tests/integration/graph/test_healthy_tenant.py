"""The tasks over real HTTP in a healthy tenant: results, evidence, provenance, paging."""

import uuid
from typing import Any

import pytest

from onboarding_shared.contracts.task_runner import Progress
from task_runner.tasks import discover
from task_runner.testing import CLIENT_ID, CREDENTIAL, graph_server, task_context
from tests.support.emergency import TENANT, TOLD

TASKS = discover()


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("gdap.relationship", "GDAP_ACTIVE"),
        ("gdap.roles", "GDAP_ROLES_OK"),
        ("gdap.group_mapping", "MAPPING_OK"),
        ("graph.connectivity", "GRAPH_OK"),
        ("app.consent", "CONSENT_OK"),
        ("license.inventory", "LICENSE_P2"),
        ("identity.baseline", "BASELINE_CA"),
        ("identity.admin_mfa", "ADMIN_MFA_ENFORCED"),
        ("identity.legacy_auth", "LEGACY_BLOCKED"),
        ("identity.global_admins", "GA_OK"),
        ("identity.emergency_access", "BREAKGLASS_OK"),
        ("identity.user_consent", "CONSENT_USER_BLOCKED"),
    ],
)
async def test_a_healthy_tenant_passes(name: str, reason: str) -> None:
    progress: list[Progress] = []
    async with task_context(progress=progress, tenant=TENANT, settings=TOLD) as context:
        result = await TASKS[name](context)

    assert (result.status.value, result.reason_code) == ("ok", reason)
    assert [step.done for step in progress] == sorted(step.done for step in progress)
    assert progress[-1].done == progress[-1].total


async def test_evidence_names_the_source_of_every_value() -> None:
    tenant = str(uuid.uuid4())
    async with task_context(tenant=tenant) as context:
        result = await TASKS["license.inventory"](context)

    provenance = result.payload["provenance"]
    (response,) = provenance["responses"]
    assert provenance["external_tenant_id"] == tenant
    assert (provenance["checker"], provenance["checker_version"]) == ("license.inventory", "0.1.0")
    assert provenance["api_version"] == "v1.0"
    assert len(provenance["payload_sha256"]) == 64
    assert response["url"].endswith("/v1.0/subscribedSkus")
    assert (response["method"], response["status"]) == ("GET", 200)
    assert uuid.UUID(response["request_id"])
    assert response["collected_at"].endswith("Z")
    assert len(response["body_sha256"]) == 64


async def test_a_list_is_read_to_its_last_page() -> None:
    skus = [sku(f"PART_{number}") for number in range(7)]
    async with task_context(overrides={"/subscribedSkus": skus}) as context:
        result = await TASKS["license.inventory"](context)

    assert [item["part_number"] for item in result.payload["skus"]] == [f"PART_{number}" for number in range(7)]
    assert result.payload["provenance"]["lists"] == [{"path": "/subscribedSkus", "pages": 4, "items": 7}]


def sku(part: str) -> dict[str, Any]:
    return {
        "skuPartNumber": part,
        "capabilityStatus": "Enabled",
        "consumedUnits": 1,
        "prepaidUnits": {"enabled": 5},
        "servicePlans": [],
    }


@pytest.mark.parametrize("name", list(TASKS))
async def test_neither_secret_nor_token_is_in_the_evidence(name: str) -> None:
    async with task_context() as context:
        result = await TASKS[name](context)
        tokens = [session._client.token["access_token"] for session in context.graph._sessions._sessions.values()]

    text = repr(result)
    assert tokens
    assert not any(token in text or token.rpartition(".")[2] in text for token in tokens)
    assert CREDENTIAL not in text


async def test_one_token_serves_every_request_of_a_connection() -> None:
    async with graph_server() as server:
        seen = []
        async with task_context(server=server) as context:
            for _ in range(3):
                await TASKS["graph.connectivity"](context)
                session = context.graph._sessions.of(context.graph._use)
                seen.append(session.token_obtained)

    assert len(set(seen)) == 1


async def test_a_token_near_its_end_is_renewed() -> None:
    async with task_context(token_lifetime=30) as context:
        session = context.graph._sessions.of(context.graph._use)
        await session.ensure_token()
        first = session.token_obtained
        await session.ensure_token()

    assert session.token_obtained > first


async def test_global_administrators_through_a_group_count_one_by_one() -> None:
    group, member, direct = (str(uuid.uuid4()) for _ in range(3))
    role = "62e90394-69f5-4237-9190-012177145e10"
    roles = "/roleManagement/directory"
    async with task_context(
        overrides={
            f"{roles}/roleAssignmentScheduleInstances": [
                instance(direct, "user", role),
                instance(direct, "user", role),
                instance(group, "group", role),
            ],
            f"{roles}/roleEligibilityScheduleInstances": [instance(member, "user", role)],
            f"/groups/{group}/transitiveMembers": [{"@odata.type": "#microsoft.graph.user", "id": member}],
            "/users": [
                {"id": direct, "accountEnabled": True, "onPremisesSyncEnabled": None},
                {"id": member, "accountEnabled": True, "onPremisesSyncEnabled": True},
            ],
        }
    ) as context:
        result = await TASKS["identity.global_admins"](context)

    names = ("active", "eligible", "via_group", "synchronized")
    administrators = {user["id"]: tuple(user[name] for name in names) for user in result.payload["users"]}
    assert result.reason_code == "GA_SYNCED"
    assert administrators == {direct: (True, False, False, False), member: (True, True, False, True)}


def instance(principal: str, kind: str, role: str) -> dict[str, Any]:
    return {
        "principalId": principal,
        "roleDefinitionId": role,
        "memberType": "Direct",
        "principal": {"@odata.type": f"#microsoft.graph.{kind}", "id": principal},
    }


async def test_an_application_with_the_role_counts_towards_too_many_only() -> None:
    role = "62e90394-69f5-4237-9190-012177145e10"
    path = "/roleManagement/directory/roleAssignmentScheduleInstances"
    instances = [instance(str(uuid.uuid4()), "servicePrincipal", role) for _ in range(9)]
    async with task_context(overrides={path: instances, path.replace("Assignment", "Eligibility"): []}) as context:
        result = await TASKS["identity.global_admins"](context)

    assert (result.reason_code, result.payload["application_count"]) == ("GA_TOO_FEW", 9)


async def test_security_defaults_alone_are_enough() -> None:
    path = "/policies/identitySecurityDefaultsEnforcementPolicy"
    async with task_context(overrides={path: {"isEnabled": True}}) as context:
        result = await TASKS["identity.baseline"](context)

    assert (result.status.value, result.reason_code) == ("ok", "BASELINE_SECURITY_DEFAULTS")


async def test_a_tenant_without_users_is_a_warning() -> None:
    async with task_context(overrides={"/users": []}) as context:
        result = await TASKS["graph.connectivity"](context)

    assert (result.status.value, result.reason_code) == ("warn", "GRAPH_EMPTY_TENANT")


async def test_the_client_id_is_quoted_into_the_path() -> None:
    async with task_context() as context:
        await TASKS["app.consent"](context)

    assert f"servicePrincipals(appId='{CLIENT_ID}')" in context.graph.record.responses[0].url
