"""The partner's side over real HTTP: what each customer's relationship, roles and mappings are made of."""

import uuid
from typing import Any

import pytest
from msgspec.structs import replace

from microsoft_emulator.gdap_roles import ROLES
from microsoft_emulator.partner import RELATIONSHIPS
from microsoft_emulator.tenants import PARTNER_TENANT
from task_runner.checks.lists import GDAP_ROLES
from task_runner.providers.graph_errors import GraphRefused
from task_runner.tasks import TaskFault, Wait, discover
from task_runner.testing import graph_server, task_context

TASKS = discover()
GDAP = [name for name in TASKS if name.startswith("gdap.")]
GLOBAL_ADMINISTRATOR = "62e90394-69f5-4237-9190-012177145e10"
HELPDESK_ADMINISTRATOR = "729827e3-9c14-49f7-bb1b-9608f156bbb8"
PRIVILEGED_ROLES = ROLES["Privileged Role Administrator"]
REQUIRED = list(GDAP_ROLES.required.values())


async def decision_of(name: str, **control: Any) -> tuple[str, str]:
    async with task_context(**control) as context:
        result = await TASKS[name](context)
    return result.status.value, result.reason_code


@pytest.mark.parametrize(
    ("relationships", "expected"),
    [
        ([], ("fail", "GDAP_MISSING")),
        ([{"status": "terminated"}], ("fail", "GDAP_TERMINATED")),
        ([{"status": "expired", "days_left": -1}], ("fail", "GDAP_EXPIRED")),
        ([{"status": "unknownFutureValue"}], ("unknown", "GDAP_STATUS_UNKNOWN")),
        ([{"days_left": 20, "auto_extend": "PT0S"}], ("warn", "GDAP_EXPIRING")),
        ([{"activated_days_ago": 0}], ("warn", "GDAP_RECENTLY_ACTIVATED")),
        ([{"name": "MLT_Contoso"}], ("warn", "GDAP_MLT_READ_ONLY")),
        ([{"roles": [GLOBAL_ADMINISTRATOR]}], ("warn", "GDAP_HAS_GLOBAL_ADMIN")),
        ([{"status": "terminated"}, {"status": "expired"}, {}], ("ok", "GDAP_ACTIVE")),
    ],
)
async def test_the_relationship_with_a_customer(relationships: list[Any], expected: tuple[str, str]) -> None:
    assert await decision_of("gdap.relationship", relationships=relationships) == expected


@pytest.mark.parametrize(
    ("roles", "expected"),
    [
        (REQUIRED, ("warn", "GDAP_OPTIONAL_ROLES_MISSING")),
        (REQUIRED[1:], ("fail", "GDAP_REQUIRED_ROLES_MISSING")),
        ([], ("fail", "GDAP_REQUIRED_ROLES_MISSING")),
    ],
)
async def test_the_roles_of_the_relationship(roles: list[str], expected: tuple[str, str]) -> None:
    assert await decision_of("gdap.roles", relationships=[{"roles": roles}]) == expected


@pytest.mark.parametrize(
    ("mappings", "expected"),
    [
        ([], ("fail", "MAPPING_NONE")),
        ([{"role": PRIVILEGED_ROLES}], ("warn", "MAPPING_PARTIAL")),
        ([{"role": PRIVILEGED_ROLES, "group_exists": False}], ("warn", "GROUP_ID_STALE")),
        ([{"role": HELPDESK_ADMINISTRATOR, "group_exists": False}], ("fail", "GROUP_MISSING")),
        ([{"role": PRIVILEGED_ROLES, "status": "error"}], ("fail", "MAPPING_ERROR")),
    ],
)
async def test_the_mapping_of_roles_to_groups(mappings: list[Any], expected: tuple[str, str]) -> None:
    assert await decision_of("gdap.group_mapping", mappings=mappings) == expected


@pytest.mark.parametrize("name", GDAP)
async def test_every_check_waits_for_the_customers_approval(name: str) -> None:
    pending = {"status": "approvalPending", "activated_days_ago": None, "days_left": None}
    async with task_context(relationships=[pending]) as context:
        with pytest.raises(Wait) as waiting:
            await TASKS[name](context)

    assert waiting.value.reason_code == "GDAP_APPROVAL_PENDING"
    assert waiting.value.payload["provenance"]["responses"][0]["status"] == 200


async def test_the_mapping_is_waited_for_until_it_is_applied() -> None:
    tenant = str(uuid.uuid4())
    async with graph_server() as server, task_context(server=server, tenant=tenant) as context:
        await server.tell(tenant, mappings=[{"role": role, "status": "pending"} for role in ROLES.values()])
        with pytest.raises(Wait) as waiting:
            await TASKS["gdap.group_mapping"](context)
        await server.tell(tenant)
        result = await TASKS["gdap.group_mapping"](context)

    assert (waiting.value.reason_code, result.reason_code) == ("MAPPING_PENDING", "MAPPING_OK")


@pytest.mark.parametrize("name", GDAP)
async def test_without_the_partners_tenant_nothing_is_known(name: str) -> None:
    expected = ("unknown", "PARTNER_TENANT_MISSING")
    assert await decision_of(name, settings={"partner_tenant_id": None}) == expected


@pytest.mark.parametrize("name", GDAP)
async def test_a_refusal_in_the_partners_tenant_names_the_partners_tenant(name: str) -> None:
    async with graph_server() as server, task_context(server=server) as context:
        await server.tell(PARTNER_TENANT, granted=["GroupMember.Read.All"])
        result = await TASKS[name](context)

    assert (result.status.value, result.reason_code) == ("unknown", "GRAPH_FORBIDDEN")
    assert result.message.endswith("This was the partner tenant, not the customer's tenant.")
    assert result.payload["missing_permission"] == "DelegatedAdminRelationship.Read.All"
    assert result.payload["refused_by"] == "partner"


@pytest.mark.parametrize("name", GDAP)
async def test_a_refused_token_of_the_partners_tenant_is_unknown(name: str) -> None:
    async with graph_server() as server, task_context(server=server) as context:
        await server.tell(PARTNER_TENANT, token_error="700016")
        result = await TASKS[name](context)

    assert (result.status.value, result.reason_code) == ("unknown", "CONSENT_MISSING")
    assert result.payload["refused_by"] == "partner"


async def test_the_customers_tenant_is_not_asked() -> None:
    tenant = str(uuid.uuid4())
    async with task_context(tenant=tenant, token_error="65001") as context:
        results = [await TASKS[name](context) for name in GDAP]

    assert {result.status.value for result in results} == {"ok"}
    for result in results:
        provenance = result.payload["provenance"]
        assert provenance["external_tenant_id"] == tenant
        assert {response["external_tenant_id"] for response in provenance["responses"]} == {PARTNER_TENANT}


async def test_relationships_with_other_customers_do_not_count() -> None:
    other = {"tenantId": str(uuid.uuid4()), "displayName": "Another customer"}
    async with graph_server() as server, task_context(server=server) as context:
        (relationship,) = await context.partner_graph.list(RELATIONSHIPS)
        strange = [{**relationship, "customer": other}, {**relationship, "customer": None}]
        await server.tell(PARTNER_TENANT, overrides={RELATIONSHIPS: strange})
        result = await TASKS["gdap.relationship"](context)

    assert (result.status.value, result.reason_code) == ("fail", "GDAP_MISSING")


async def test_a_group_that_is_not_for_security_cannot_hold_roles() -> None:
    async with graph_server() as server, task_context(server=server) as context:
        groups = await context.partner_graph.list("/groups")
        changed = [{**group, "displayName": "x", "securityEnabled": False} for group in groups]
        await server.tell(PARTNER_TENANT, overrides={"/groups": changed})
        result = await TASKS["gdap.group_mapping"](context)

    assert (result.status.value, result.reason_code) == ("fail", "GROUP_MISSING")


async def test_a_customers_tenant_id_without_guid_form_reaches_no_filter() -> None:
    async with task_context() as context:
        assert context.connection
        context.connection = replace(context.connection, external_tenant_id="x' or status eq 'active")
        with pytest.raises(TaskFault) as caught:
            await TASKS["gdap.relationship"](context)

    assert caught.value.reason_code == "CONNECTION_INVALID"
    assert context.graph.record.count == 0


async def test_a_customers_tenant_knows_no_relationships() -> None:
    async with task_context() as context:
        with pytest.raises(GraphRefused) as refused:
            await context.graph.list(RELATIONSHIPS)

    assert refused.value.http_status == 403
