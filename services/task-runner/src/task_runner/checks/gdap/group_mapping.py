"""``gdap.group_mapping``: the access assignments that map security groups of the partner tenant to roles.

Source of the status values: https://learn.microsoft.com/graph/api/resources/delegatedadminaccessassignment
"""

from collections.abc import Mapping, Sequence
from typing import Any
from urllib.parse import quote

import msgspec

from task_runner.checks.gdap.relationships import (
    READ_RELATIONSHIPS,
    RELATIONSHIPS,
    CustomerRelationships,
    find_relationships,
    in_force,
    payload_of,
    reading_partner_tenant,
    roles_from,
)
from task_runner.checks.lists import GDAP_ROLES, GdapRoles
from task_runner.providers.fields import Fields
from task_runner.tasks.context import TaskContext
from task_runner.tasks.declaration import task
from task_runner.tasks.result import Result, Wait

READ_GROUPS = "GroupMember.Read.All"
PENDING, ACTIVE, ERROR = "pending", "active", "error"
REMOVED = ("deleting", "deleted")
SECURITY_GROUP = "securityGroup"
SECONDS_TO_MAPPING = 60.0
MAX_LISTED = 200


class Assignment(msgspec.Struct, frozen=True, kw_only=True):
    """One access assignment: the roles that the members of a partner's group have in the customer's tenant."""

    id: str
    etag: str | None
    status: str
    kind: str
    group_id: str
    roles: tuple[str, ...]


class GroupMapping(msgspec.Struct, frozen=True, kw_only=True):
    """An assignment and its group: the group's name if it exists, else the id of a group with the conventional name."""

    assignment: Assignment
    group_name: str | None
    present_group_id: str | None

    @property
    def missing(self) -> bool:
        """True if neither the group nor one with the conventional name exists."""
        return self.group_name is None and self.present_group_id is None

    @property
    def stale(self) -> bool:
        """True if the group does not exist, but another one has the conventional name."""
        return self.group_name is None and self.present_group_id is not None

    @property
    def unclear(self) -> bool:
        """True if this version does not support its status or container type."""
        supported = self.assignment.status in (PENDING, ACTIVE, ERROR)
        return not supported or self.assignment.kind != SECURITY_GROUP


def judged(
    expected: GdapRoles, assignments: Sequence[Assignment], groups: Mapping[str, str]
) -> tuple[GroupMapping, ...]:
    """Return the assignments that are not removed, with their groups; ``groups`` is id to name of security groups."""
    names, by_name = expected.names, {name.lower(): group for group, name in sorted(groups.items())}
    conventional = {role: by_name.get(f"{expected.group_prefix} {name}".lower()) for role, name in names.items()}
    return tuple(
        GroupMapping(
            assignment=assignment,
            group_name=groups.get(assignment.group_id),
            present_group_id=next((group for role in assignment.roles if (group := conventional.get(role))), None),
        )
        for assignment in assignments
        if assignment.status not in REMOVED
    )


def decide(
    expected: GdapRoles, relationships: CustomerRelationships, roles: Sequence[str], mappings: Sequence[GroupMapping]
) -> Result:
    """Return the result for the mappings of a relationship with these roles. Raise ``Wait`` if one is pending."""
    unmapped = [name for name, role in expected.required.items() if role in _unmapped(roles, mappings)]
    payload = {**payload_of(relationships), **_payload(mappings), "unmapped_required_roles": unmapped}
    if not mappings:
        return Result.fail("MAPPING_NONE", "No security group is mapped to the relationship.", payload)
    if failed := [mapping for mapping in mappings if mapping.assignment.status == ERROR]:
        return Result.fail("MAPPING_ERROR", f"Microsoft Graph reports an error for {_list(failed)}.", payload)
    certain = [mapping for mapping in mappings if not mapping.unclear]
    if missing := [mapping for mapping in certain if mapping.missing]:
        return Result.fail("GROUP_MISSING", f"The security groups do not exist: {_list(missing)}.", payload)
    if unclear := [mapping for mapping in mappings if mapping.unclear]:
        message = f"This version does not support the status or container type of {_list(unclear)}."
        return Result.unknown("GDAP_STATUS_UNKNOWN", message, payload)
    if pending := [mapping for mapping in mappings if mapping.assignment.status == PENDING and not mapping.stale]:
        message = f"Pending at Microsoft: {_list(pending)}."
        raise Wait("MAPPING_PENDING", message, seconds=SECONDS_TO_MAPPING, payload=payload)
    if stale := [mapping for mapping in mappings if mapping.stale]:
        message = f"The group does not exist, but another one has the conventional name: {_list(stale)}."
        return Result.warn("GROUP_ID_STALE", message, payload)
    if unmapped:
        message = f"No group is mapped to required roles of the relationship: {', '.join(unmapped)}."
        return Result.warn("MAPPING_PARTIAL", message, payload)
    return Result.ok("MAPPING_OK", f"{len(mappings)} mappings are active, and their groups exist.", payload)


def _unmapped(roles: Sequence[str], mappings: Sequence[GroupMapping]) -> set[str]:
    return set(roles) - {role for mapping in mappings for role in mapping.assignment.roles}


def _list(mappings: Sequence[GroupMapping]) -> str:
    return ", ".join(
        f"mapping {mapping.assignment.id} of group {mapping.assignment.group_id}" for mapping in mappings[:5]
    )


def _payload(mappings: Sequence[GroupMapping]) -> dict[str, Any]:
    return {
        "mapping_count": len(mappings),
        "mappings": [
            {
                **msgspec.to_builtins(mapping.assignment),
                "group_name": mapping.group_name,
                "present_group_id": mapping.present_group_id if mapping.stale else None,
            }
            for mapping in mappings[:MAX_LISTED]
        ],
    }


@task(
    "gdap.group_mapping",
    step=2,
    title="Security groups are mapped to the roles of the relationship",
)
async def gdap_group_mapping(context: TaskContext) -> Result:
    """Reads the access assignments of the relationship, and their security groups in the partner tenant."""
    await context.progress(0, 3, "Reading the relationships with the customer")
    relationships = await find_relationships(context)
    relationship = in_force(relationships)
    if isinstance(relationship, Result):
        return relationship
    await context.progress(1, 3, "Reading the access assignments")
    path = f"{RELATIONSHIPS}/{quote(relationship.id, safe='')}/accessAssignments"
    with reading_partner_tenant():
        items = await context.partner_graph.list(path, permission=READ_RELATIONSHIPS)
        await context.progress(2, 3, "Reading the security groups of the partner tenant")
        groups = await _security_groups(context)
    await context.progress(3, 3, "Done")
    assignments = [assignment_from(Fields(item, f"accessAssignments[{index}]")) for index, item in enumerate(items)]
    return decide(GDAP_ROLES, relationships, relationship.roles, judged(GDAP_ROLES, assignments, groups))


async def _security_groups(context: TaskContext) -> dict[str, str]:
    """Return id to name of every security group in the partner tenant."""
    wanted = {"$filter": "securityEnabled eq true", "$select": "id,displayName,securityEnabled", "$top": "999"}
    items = await context.partner_graph.list("/groups", wanted, permission=READ_GROUPS)
    groups = [Fields(item, f"groups[{index}]") for index, item in enumerate(items)]
    read = [
        (fields.text("id").lower(), fields.text("displayName"), fields.flag("securityEnabled")) for fields in groups
    ]
    return {group_id: name for group_id, name, for_security in read if for_security}


def assignment_from(fields: Fields) -> Assignment:
    """Return one access assignment of a response. Raise ``CannotTell`` if a field is missing."""
    container = fields.at("accessContainer")
    return Assignment(
        id=fields.text("id"),
        etag=fields.text("@odata.etag") if fields.has("@odata.etag") else None,
        status=fields.text("status"),
        kind=container.text("accessContainerType"),
        group_id=container.text("accessContainerId").lower(),
        roles=roles_from(fields),
    )
