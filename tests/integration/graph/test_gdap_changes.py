"""The changes of delegated administration, against the emulator's partner tenant."""

import dataclasses
import uuid
from typing import Any

import httpx2
import msgspec
import pytest

from microsoft_emulator.partner import RELATIONSHIPS
from task_runner.checks.gdap.reading import InvitationInputs
from task_runner.checks.gdap.relationships import INVITATION
from task_runner.checks.lists import GDAP_ROLES
from task_runner.tasks import Result, Task, TaskContext, Wait, discover
from task_runner.tasks.gdap_profile import GdapProfile
from task_runner.testing import GraphServer, graph_server, task_context

TASKS = discover()
INVITE, MAP_GROUPS = TASKS["gdap.invite"], TASKS["gdap.map_groups"]
RELATIONSHIP, GROUP_MAPPING = TASKS["gdap.relationship"], TASKS["gdap.group_mapping"]
GLOBAL_ADMINISTRATOR = "62e90394-69f5-4237-9190-012177145e10"


async def waiting(task: Task, context: TaskContext) -> Wait:
    with pytest.raises(Wait) as raised:
        await task(context)
    return raised.value


async def relationships_of(context: TaskContext) -> list[dict[str, Any]]:
    return [dict(item) for item in await context.partner_graph.list(RELATIONSHIPS)]


async def approve(server: GraphServer, relationship_id: str, tenant: str) -> None:
    """Approve a relationship as an administrator of the tenant."""
    async with httpx2.AsyncClient() as client:
        address = f"{server.url}/_control/relationships/{relationship_id}/approve"
        assert (await client.post(address, json={"tenant": tenant})).status_code == 204


async def test_an_invitation_is_created_locked_and_waited_for() -> None:
    tenant = str(uuid.uuid4())
    async with graph_server() as server:
        await server.tell(tenant, relationships=[])
        async with task_context(server=server, tenant=tenant) as context:
            wait = await waiting(INVITE, context)
            (relationship,) = await relationships_of(context)

    assert (wait.reason_code, wait.seconds) == ("GDAP_APPROVAL_PENDING", 300.0)
    assert relationship["status"] == "approvalPending"
    assert relationship["customer"]["tenantId"] == tenant
    assert {role["roleDefinitionId"] for role in relationship["accessDetails"]["unifiedRoles"]} == set(
        GDAP_ROLES.required.values()
    )
    assert (relationship["duration"], relationship["autoExtendDuration"]) == ("P730D", "P180D")
    assert wait.payload["invitation_link"] == f"{INVITATION}{relationship['id']}"
    assert wait.payload["invitation_link"] in wait.message
    assert wait.payload["offered_inputs"] == {"relationship_id": relationship["id"]}


async def test_an_invitation_is_created_once_however_often_it_runs() -> None:
    tenant = str(uuid.uuid4())
    async with graph_server() as server:
        await server.tell(tenant, relationships=[])
        async with task_context(server=server, tenant=tenant) as context:
            first, second = await waiting(INVITE, context), await waiting(INVITE, context)
            relationships = await relationships_of(context)

    assert len(relationships) == 1
    assert first.payload["invitation_link"] == second.payload["invitation_link"]


async def test_the_approved_invitation_ends_the_wait() -> None:
    tenant = str(uuid.uuid4())
    async with graph_server() as server:
        await server.tell(tenant, relationships=[])
        async with task_context(server=server, tenant=tenant) as context:
            await waiting(INVITE, context)
            (relationship,) = await relationships_of(context)
            await approve(server, relationship["id"], tenant)
            result = await INVITE(context)

    assert (result.status.value, result.reason_code) == ("ok", "GDAP_ACTIVE")
    assert result.payload["offered_inputs"] == {"relationship_id": relationship["id"]}


async def test_a_dry_run_of_the_invitation_sends_nothing() -> None:
    tenant = str(uuid.uuid4())
    async with graph_server() as server:
        await server.tell(tenant, relationships=[])
        async with task_context(server=server, tenant=tenant, dry_run=True) as context:
            result = await INVITE(context)
            relationships = await relationships_of(context)

    assert (result.reason_code, relationships) == ("DRY_RUN_CHANGES", [])
    assert "offered_inputs" not in result.payload
    assert [change["action"] for change in result.payload["planned_changes"]] == [
        "create relationship",
        "lock for approval",
    ]


async def test_roles_are_mapped_to_the_groups_of_their_names() -> None:
    tenant = str(uuid.uuid4())
    async with graph_server() as server:
        await server.tell(tenant, mappings=[])
        async with task_context(server=server, tenant=tenant) as context:
            result = await mapped(context)
            after = await GROUP_MAPPING(context)

    assert result.reason_code == "MAPPING_OK"
    assert sorted(result.payload["mapped_now"]) == sorted(GDAP_ROLES.required)
    assert all(len(mapping["roles"]) == 1 for mapping in result.payload["mappings"])
    assert after.payload["unmapped_required_roles"] == []


async def mapped(context: TaskContext) -> Result:
    """Run the task to its end; Microsoft applies mappings after a while."""
    for _ in range(20):
        try:
            return await MAP_GROUPS(context)
        except Wait as wait:
            assert wait.reason_code == "MAPPING_PENDING"
            first = wait.payload["mapped_now"]
    raise AssertionError(first)


async def test_a_dry_run_of_the_mapping_writes_nothing() -> None:
    tenant = str(uuid.uuid4())
    async with graph_server() as server:
        await server.tell(tenant, mappings=[])
        async with task_context(server=server, tenant=tenant, dry_run=True) as context:
            result = await MAP_GROUPS(context)

    assert result.reason_code == "DRY_RUN_CHANGES"
    assert sorted(change["target"] for change in result.payload["planned_changes"]) == sorted(GDAP_ROLES.required)


async def test_an_open_invitation_is_followed_by_its_id() -> None:
    tenant = str(uuid.uuid4())
    async with graph_server() as server:
        await server.tell(tenant, relationships=[])
        async with task_context(server=server, tenant=tenant) as context:
            invitation = await open_invitation(context)
            following = with_inputs(context, invitation)
            wait = await waiting(RELATIONSHIP, following)
            await approve(server, invitation, tenant)
            result = await RELATIONSHIP(following)

    assert wait.reason_code == "GDAP_APPROVAL_PENDING"
    assert result.reason_code in ("GDAP_ACTIVE", "GDAP_RECENTLY_ACTIVATED")


async def test_an_approval_in_another_tenant_fails() -> None:
    tenant, other = str(uuid.uuid4()), str(uuid.uuid4())
    async with graph_server() as server:
        await server.tell(tenant, relationships=[])
        await server.tell(other, relationships=[])
        async with task_context(server=server, tenant=tenant) as context:
            invitation = await open_invitation(context)
            await approve(server, invitation, other)
            result = await RELATIONSHIP(with_inputs(context, invitation))

    assert (result.status.value, result.reason_code) == ("fail", "GDAP_WRONG_TENANT")
    assert other in result.message


async def test_groups_are_mapped_for_an_open_invitation_too() -> None:
    tenant = str(uuid.uuid4())
    async with graph_server() as server:
        await server.tell(tenant, relationships=[])
        async with task_context(server=server, tenant=tenant) as context:
            invitation = await open_invitation(context)
            await approve(server, invitation, str(uuid.uuid4()))
            result = await MAP_GROUPS(with_inputs(context, invitation))

    assert (result.status.value, result.reason_code) == ("fail", "GDAP_WRONG_TENANT")


async def open_invitation(context: TaskContext) -> str:
    body = {
        "displayName": f"Open {uuid.uuid4()}",
        "duration": "P730D",
        "accessDetails": {"unifiedRoles": [{"roleDefinitionId": role} for role in GDAP_ROLES.required.values()]},
        "autoExtendDuration": "P180D",
    }
    created = await context.partner_graph.post(RELATIONSHIPS, body)
    await context.partner_graph.post(f"{RELATIONSHIPS}/{created['id']}/requests", {"action": "lockForApproval"})
    return str(created["id"])


def with_inputs(context: TaskContext, relationship_id: str) -> TaskContext:
    context.details = dataclasses.replace(context.details, inputs=InvitationInputs(relationship_id=relationship_id))
    return context


@pytest.mark.parametrize(
    ("service_account", "expected"),
    [("member", ("ok", "MAPPING_OK")), ("stranger", ("fail", "SERVICE_ACCOUNT_NOT_MAPPED"))],
)
async def test_the_service_account_must_be_in_the_mapped_groups(
    service_account: str, expected: tuple[str, str]
) -> None:
    async with task_context() as context:
        (group,) = await context.partner_graph.list(
            "/groups", {"$filter": "displayName eq 'M365 GDAP Privileged Role Administrator'"}
        )
        members = await context.partner_graph.list(f"/groups/{group['id']}/members")
    account = members[0]["id"] if service_account == "member" else str(uuid.uuid4())
    async with task_context(settings={"gdap": GdapProfile(service_account=account)}) as context:
        result = await GROUP_MAPPING(context)

    assert (result.status.value, result.reason_code) == expected


async def test_a_group_with_another_role_keeps_it_beside_the_new_one() -> None:
    tenant = str(uuid.uuid4())
    reader, administrator = "Global Reader", "Cloud Application Administrator"
    async with graph_server() as server:
        await server.tell(tenant, mappings=[{"role": GDAP_ROLES.required["Privileged Role Administrator"]}])
        async with task_context(server=server, tenant=tenant) as context:
            (group,) = await context.partner_graph.list(
                "/groups", {"$filter": f"displayName eq 'M365 GDAP {administrator}'"}
            )
            (relationship,) = await relationships_of(context)
            path = f"{RELATIONSHIPS}/{relationship['id']}/accessAssignments"
            container = {"accessContainerId": group["id"], "accessContainerType": "securityGroup"}
            roles = [{"roleDefinitionId": GDAP_ROLES.optional[reader]}]
            body = {"accessContainer": container, "accessDetails": {"unifiedRoles": roles}}
            await context.partner_graph.post(path, body)
            await mapped(context)
            assignments = await context.partner_graph.list(path)

    of_group = [item for item in assignments if item["accessContainer"]["accessContainerId"] == group["id"]]
    granted = [{role["roleDefinitionId"] for role in item["accessDetails"]["unifiedRoles"]} for item in of_group]
    assert granted == [{GDAP_ROLES.optional[reader], GDAP_ROLES.required[administrator]}]


async def test_an_invitation_outside_the_public_cloud_has_no_link() -> None:
    tenant = str(uuid.uuid4())
    async with graph_server() as server:
        await server.tell(tenant, relationships=[])
        async with task_context(server=server, tenant=tenant) as context:
            assert context.connection is not None
            context.connection = msgspec.structs.replace(context.connection, cloud="us_gov")
            wait = await waiting(INVITE, context)

    assert wait.payload["invitation_link"] is None
    assert "Partner Center" in wait.message
    assert "https://" not in wait.message
