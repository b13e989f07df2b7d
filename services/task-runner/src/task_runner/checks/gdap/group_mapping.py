"""``gdap.group_mapping``: are the relationship's roles given to security groups of ours that exist?

Source of the states: https://learn.microsoft.com/graph/api/resources/delegatedadminaccessassignment
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
    of_our_own_tenant,
    payload_of,
    roles_from,
)
from task_runner.checks.lists import GDAP_ROLES, GdapRoles
from task_runner.providers.fields import Fields
from task_runner.tasks.context import TaskContext
from task_runner.tasks.declaration import task
from task_runner.tasks.result import Result, Wait

READ_GROUPS = "GroupMember.Read.All"
PENDING, ACTIVE, ERROR = "pending", "active", "error"
GONE = ("deleting", "deleted")
SECURITY_GROUP = "securityGroup"
SECONDS_TO_MAPPING = 60.0
MAX_LISTED = 200


class Assignment(msgspec.Struct, frozen=True, kw_only=True):
    """One mapping: the roles that the members of a group of ours get in the customer's tenant."""

    id: str
    etag: str | None
    status: str
    kind: str
    group_id: str
    roles: tuple[str, ...]


class Judged(msgspec.Struct, frozen=True, kw_only=True):
    """An assignment beside our groups: the group's name if it exists, else the id of the one with its usual name."""

    assignment: Assignment
    group_name: str | None
    present_group_id: str | None

    @property
    def missing(self) -> bool:
        """True if neither the group nor one with its usual name exists."""
        return self.group_name is None and self.present_group_id is None

    @property
    def stale(self) -> bool:
        """True if the group does not exist, but another one has its usual name."""
        return self.group_name is None and self.present_group_id is not None

    @property
    def unclear(self) -> bool:
        """True if its status or kind is not known to this version."""
        known = self.assignment.status in (PENDING, ACTIVE, ERROR)
        return not known or self.assignment.kind != SECURITY_GROUP


def judged(expected: GdapRoles, assignments: Sequence[Assignment], groups: Mapping[str, str]) -> tuple[Judged, ...]:
    """The assignments that count, each beside our security groups (id to name)."""
    names, by_name = expected.names, {name.lower(): group for group, name in sorted(groups.items())}
    usual = {role: by_name.get(f"{expected.group_prefix} {name}".lower()) for role, name in names.items()}
    return tuple(
        Judged(
            assignment=assignment,
            group_name=groups.get(assignment.group_id),
            present_group_id=next((group for role in assignment.roles if (group := usual.get(role))), None),
        )
        for assignment in assignments
        if assignment.status not in GONE
    )


def decide(
    expected: GdapRoles, relationships: CustomerRelationships, roles: Sequence[str], mappings: Sequence[Judged]
) -> Result:
    """The result for the mappings of a relationship with these roles. Raises ``Wait`` while one is pending."""
    unmapped = [name for name, role in expected.required.items() if role in _unmapped(roles, mappings)]
    payload = {**payload_of(relationships), **_payload(mappings), "unmapped_required_roles": unmapped}
    if not mappings:
        return Result.fail("MAPPING_NONE", "No security group of ours is mapped to the relationship.", payload)
    if failed := [mapping for mapping in mappings if mapping.assignment.status == ERROR]:
        return Result.fail("MAPPING_ERROR", f"Microsoft could not apply {_list(failed)}.", payload)
    certain = [mapping for mapping in mappings if not mapping.unclear]
    if missing := [mapping for mapping in certain if mapping.missing]:
        return Result.fail("GROUP_MISSING", f"The security group does not exist: {_list(missing)}.", payload)
    if unclear := [mapping for mapping in mappings if mapping.unclear]:
        message = f"Microsoft says something of a mapping that this version does not know: {_list(unclear)}."
        return Result.unknown("GDAP_STATUS_UNKNOWN", message, payload)
    if pending := [mapping for mapping in mappings if mapping.assignment.status == PENDING and not mapping.stale]:
        message = f"Microsoft is still applying {_list(pending)}."
        raise Wait("MAPPING_PENDING", message, seconds=SECONDS_TO_MAPPING, payload=payload)
    if stale := [mapping for mapping in mappings if mapping.stale]:
        message = f"The group is gone, but another one has its usual name: {_list(stale)}."
        return Result.warn("GROUP_ID_STALE", message, payload)
    if unmapped:
        message = f"Required roles of the relationship are mapped to no group: {', '.join(unmapped)}."
        return Result.warn("MAPPING_PARTIAL", message, payload)
    return Result.ok("MAPPING_OK", f"{len(mappings)} mappings are active, and their groups exist.", payload)


def _unmapped(roles: Sequence[str], mappings: Sequence[Judged]) -> set[str]:
    return set(roles) - {role for mapping in mappings for role in mapping.assignment.roles}


def _list(mappings: Sequence[Judged]) -> str:
    return ", ".join(
        f"mapping {mapping.assignment.id} of group {mapping.assignment.group_id}" for mapping in mappings[:5]
    )


def _payload(mappings: Sequence[Judged]) -> dict[str, Any]:
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
    title="The roles are mapped to security groups that exist",
)
async def gdap_group_mapping(context: TaskContext) -> Result:
    """Reads the access assignments of the relationship and looks for their security groups in our own tenant."""
    await context.progress(0, 3, "Reading the relationships with the customer")
    relationships = await find_relationships(context)
    relationship = in_force(relationships)
    if isinstance(relationship, Result):
        return relationship
    await context.progress(1, 3, "Reading the mappings of groups to roles")
    path = f"{RELATIONSHIPS}/{quote(relationship.id, safe='')}/accessAssignments"
    with of_our_own_tenant():
        items = await context.partner_graph.list(path, permission=READ_RELATIONSHIPS)
        await context.progress(2, 3, "Reading our security groups")
        groups = await _security_groups(context)
    await context.progress(3, 3, "Done")
    assignments = [assignment_from(Fields(item, f"accessAssignments[{index}]")) for index, item in enumerate(items)]
    return decide(GDAP_ROLES, relationships, relationship.roles, judged(GDAP_ROLES, assignments, groups))


async def _security_groups(context: TaskContext) -> dict[str, str]:
    """Id to name of every security group in our own tenant."""
    wanted = {"$filter": "securityEnabled eq true", "$select": "id,displayName,securityEnabled", "$top": "999"}
    items = await context.partner_graph.list("/groups", wanted, permission=READ_GROUPS)
    groups = [Fields(item, f"groups[{index}]") for index, item in enumerate(items)]
    read = [
        (fields.text("id").lower(), fields.text("displayName"), fields.flag("securityEnabled")) for fields in groups
    ]
    return {group_id: name for group_id, name, for_security in read if for_security}


def assignment_from(fields: Fields) -> Assignment:
    """One access assignment of a response. Raises ``CannotTell`` when a field is missing."""
    container = fields.at("accessContainer")
    return Assignment(
        id=fields.text("id"),
        etag=fields.text("@odata.etag") if fields.has("@odata.etag") else None,
        status=fields.text("status"),
        kind=container.text("accessContainerType"),
        group_id=container.text("accessContainerId").lower(),
        roles=roles_from(fields),
    )
