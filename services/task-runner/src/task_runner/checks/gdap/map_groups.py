"""``gdap.map_groups``: gives the members of the security groups the roles of the relationships, one role per group.

Protocol: https://learn.microsoft.com/graph/api/resources/delegatedadminaccessassignment
"""

from collections.abc import Mapping, Sequence
from urllib.parse import quote

import msgspec

from task_runner.checks.gdap.changes import WRITE_RELATIONSHIPS, PlannedChange, changed_meanwhile, dry_run_result
from task_runner.checks.gdap.group_mapping import ERROR, PENDING, REMOVED, SECURITY_GROUP, Assignment, read_assignments
from task_runner.checks.gdap.groups import groups_by_name
from task_runner.checks.gdap.reading import (
    RELATIONSHIPS,
    InvitationInputs,
    find_all_relationships,
    reading_partner_tenant,
)
from task_runner.checks.gdap.relationships import INVITATION_FROM, Relationship, in_force, payload_of
from task_runner.checks.lists import GdapRoles, expected_roles
from task_runner.providers.fields import DATA_INCOMPLETE
from task_runner.providers.graph_errors import GraphRefused
from task_runner.tasks.context import TaskContext
from task_runner.tasks.declaration import task
from task_runner.tasks.result import CannotTell, Result, TaskFault, Wait

SECONDS_TO_MAPPING = 15.0


class MappedRelationship(msgspec.Struct, frozen=True, kw_only=True):
    """An active relationship with its access assignments, without those that were deleted."""

    relationship: Relationship
    assignments: tuple[Assignment, ...]

    def of_group(self, group_id: str) -> Assignment | None:
        """The assignment of a group: Microsoft allows one per relationship."""
        return next((assignment for assignment in self.assignments if assignment.group_id == group_id), None)


class RoleMapping(msgspec.Struct, frozen=True, kw_only=True):
    """A role that a group should get in a relationship; ``existing`` is the group's assignment without the role."""

    relationship_id: str
    role_name: str
    role: str
    group_id: str
    existing: Assignment | None

    @property
    def roles(self) -> list[dict[str, str]]:
        """The roles of the group after the change, as Microsoft Graph takes them."""
        kept = self.existing.roles if self.existing else ()
        return [{"roleDefinitionId": role} for role in sorted({*kept, self.role})]


def missing_groups(expected: GdapRoles, mapped: Sequence[MappedRelationship], groups: Mapping[str, str]) -> list[str]:
    """The usual names of the groups that do not exist, for required roles that no group has."""
    present = {name.lower() for name in groups.values()}
    names = (f"{expected.group_prefix} {role_name}" for role_name, _ in unmapped(expected, mapped))
    return sorted(name for name in names if name.lower() not in present)


def unmapped(expected: GdapRoles, mapped: Sequence[MappedRelationship]) -> list[tuple[str, str]]:
    """Name and id of the required roles that the relationships give and no group has."""
    granted = {role for item in mapped for role in item.relationship.roles}
    have = {role for item in mapped for assignment in item.assignments for role in assignment.roles}
    return [(name, role) for name, role in sorted(expected.required.items()) if role in granted and role not in have]


def plan(expected: GdapRoles, mapped: Sequence[MappedRelationship], groups: Mapping[str, str]) -> list[RoleMapping]:
    """The mappings to make: each role in the relationship that lasts longest."""
    ids = {name.lower(): group_id for group_id, name in sorted(groups.items())}
    mappings = []
    for role_name, role in unmapped(expected, mapped):
        group_id = ids.get(f"{expected.group_prefix} {role_name}".lower())
        holders = [item for item in mapped if role in item.relationship.roles and item.relationship.ends]
        if group_id is None or not holders:
            continue
        item = max(holders, key=lambda holder: (holder.relationship.ends, holder.relationship.id))
        mappings.append(
            RoleMapping(
                relationship_id=item.relationship.id,
                role_name=role_name,
                role=role,
                group_id=group_id,
                existing=item.of_group(group_id),
            )
        )
    return mappings


@task(
    "gdap.map_groups",
    step=2,
    title="Map the roles to the security groups",
    mode="exclusive",
    required=False,
    inputs=InvitationInputs,
    inputs_from=INVITATION_FROM,
    dry_run=True,
    time_limit=300.0,
)
async def gdap_map_groups(context: TaskContext) -> Result:
    """Maps each required role of the active relationships to the security group of its name, if no group has it.

    Existing mappings are kept, and the run waits until the new ones are active.
    """
    await context.progress(0, 3, "Reading the relationships with the customer")
    customer = await find_all_relationships(context)
    active = in_force(customer)
    if isinstance(active, Result):
        return active
    expected = expected_roles(context.gdap.required_roles)
    with reading_partner_tenant():
        await context.progress(1, 3, "Reading the mappings and the security groups")
        mapped = await _read_mapped(context, active)
        wanted = {f"{expected.group_prefix} {role_name}" for role_name, _ in unmapped(expected, mapped)}
        groups = await groups_by_name(context, wanted)
        mappings = plan(expected, mapped, groups)
        payload = {**payload_of(customer), "missing_groups": missing_groups(expected, mapped, groups)}
        if context.dry_run:
            return dry_run_result([_described(mapping) for mapping in mappings], payload)
        if payload["missing_groups"]:
            names = ", ".join(payload["missing_groups"])
            return Result.fail(
                "GROUP_MISSING", f"Create these security groups in the partner tenant: {names}.", payload
            )
        await context.progress(2, 3, f"Mapping {len(mappings)} roles")
        for mapping in mappings:
            await _apply(context, mapping)
        after = await _read_mapped(context, active) if mappings else mapped
    return _settled(after, {**payload, "mapped_now": [mapping.role_name for mapping in mappings]})


def _settled(mapped: Sequence[MappedRelationship], payload: dict[str, object]) -> Result:
    assignments = [assignment for item in mapped for assignment in item.assignments]
    details = {**payload, "mappings": msgspec.to_builtins(assignments[:200]), "mapping_count": len(assignments)}
    if failed := [assignment for assignment in assignments if assignment.status == ERROR]:
        ids = ", ".join(assignment.id for assignment in failed[:5])
        return Result.fail("MAPPING_ERROR", f"Microsoft could not apply the mappings {ids}.", details)
    if pending := [assignment for assignment in assignments if assignment.status == PENDING]:
        message = f"Microsoft is still applying {len(pending)} mappings."
        raise Wait("MAPPING_PENDING", message, seconds=SECONDS_TO_MAPPING, payload=details)
    return Result.ok("MAPPING_OK", f"{len(assignments)} mappings are active.", details)


def _described(mapping: RoleMapping) -> PlannedChange:
    action = "map" if mapping.existing is None else "extend the mapping of"
    details = {"group_id": mapping.group_id, "relationship_id": mapping.relationship_id, "roles": mapping.roles}
    return PlannedChange(action=action, target=mapping.role_name, details=details)


async def _read_mapped(context: TaskContext, active: Sequence[Relationship]) -> list[MappedRelationship]:
    return [
        MappedRelationship(
            relationship=relationship,
            assignments=tuple(
                assignment
                for assignment in await read_assignments(context, relationship)
                if assignment.status not in REMOVED
            ),
        )
        for relationship in active
    ]


async def _apply(context: TaskContext, mapping: RoleMapping) -> None:
    """Make one mapping; one that was made or changed meanwhile is read again by the next attempt."""
    path = f"{RELATIONSHIPS}/{quote(mapping.relationship_id, safe='')}/accessAssignments"
    details = {"accessDetails": {"unifiedRoles": mapping.roles}}
    container = {"accessContainerId": mapping.group_id, "accessContainerType": SECURITY_GROUP}
    try:
        if mapping.existing is None:
            body = {"accessContainer": container, **details}
            await context.partner_graph.post(path, body, permission=WRITE_RELATIONSHIPS)
        else:
            if mapping.existing.etag is None:
                raise CannotTell(DATA_INCOMPLETE, f"The mapping {mapping.existing.id} has no ETag.")
            await context.partner_graph.patch(
                f"{path}/{quote(mapping.existing.id, safe='')}",
                details,
                etag=mapping.existing.etag,
                permission=WRITE_RELATIONSHIPS,
            )
    except GraphRefused as refused:
        if not changed_meanwhile(refused):
            raise
        message = f"The mapping of {mapping.role_name} was changed meanwhile, or its group cannot be used: {refused}"
        raise TaskFault("MAPPING_CONFLICT", message, retryable=True) from None
