"""``gdap.group_mapping``: the access assignments that map security groups of the partner tenant to roles.

Source of the status values: https://learn.microsoft.com/graph/api/resources/delegatedadminaccessassignment
"""

from collections.abc import Collection, Mapping, Sequence
from typing import Any
from urllib.parse import quote

import msgspec

from task_runner.checks.gdap.groups import groups_by_id, groups_by_name, members_of
from task_runner.checks.gdap.reading import (
    READ_RELATIONSHIPS,
    RELATIONSHIPS,
    InvitationInputs,
    find_relationships,
    reading_partner_tenant,
    roles_from,
)
from task_runner.checks.gdap.relationships import (
    INVITATION_FROM,
    CustomerRelationships,
    Relationship,
    in_force,
    payload_of,
    settled_for,
)
from task_runner.checks.judging import settled
from task_runner.checks.lists import GdapRoles, expected_roles
from task_runner.providers.fields import Fields
from task_runner.tasks.context import TaskContext
from task_runner.tasks.declaration import task
from task_runner.tasks.graph import SHARED
from task_runner.tasks.result import Result, Wait

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


class Members(msgspec.Struct, frozen=True, kw_only=True):
    """The members of the mapped groups by group id, and the account that must be one of them, if any is configured."""

    by_group: Mapping[str, frozenset[str]]
    service_account: str | None = None

    def empty(self, mappings: Sequence[GroupMapping]) -> list[GroupMapping]:
        """The mappings whose group has no member."""
        return [mapping for mapping in mappings if self.by_group.get(mapping.assignment.group_id) == frozenset()]

    def roles_of_service_account(self, mappings: Sequence[GroupMapping]) -> set[str]:
        """The roles that the service account has by its groups."""
        return {
            role
            for mapping in mappings
            if self.service_account in self.by_group.get(mapping.assignment.group_id, frozenset())
            for role in mapping.assignment.roles
        }


def decide(
    expected: GdapRoles, relationships: CustomerRelationships, mappings: Sequence[GroupMapping], members: Members
) -> Result:
    """The result for the mappings of the active relationships together. Raises ``Wait`` while one is pending."""
    mapped = {role for mapping in mappings for role in mapping.assignment.roles}
    unmapped = _lacking(expected, relationships.roles, mapped)
    payload = {**payload_of(relationships), **_payload(mappings, members), "unmapped_required_roles": unmapped}
    if not mappings:
        return Result.fail("MAPPING_NONE", "No security group is mapped to a relationship.", payload)
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
    empty = members.empty(mappings)
    if len(empty) == len(mappings):
        return Result.fail("MAPPING_NO_MEMBERS", f"No mapped group has a member: {_list(empty)}.", payload)
    own = members.roles_of_service_account(mappings)
    if members.service_account is not None and (lacking := _lacking(expected, relationships.roles, own)):
        message = f"The service account {members.service_account} is in no group for: {', '.join(lacking)}."
        return Result.fail("SERVICE_ACCOUNT_NOT_MAPPED", message, payload)
    if stale := [mapping for mapping in mappings if mapping.stale]:
        message = f"The group does not exist, but another one has the conventional name: {_list(stale)}."
        return Result.warn("GROUP_ID_STALE", message, payload)
    if unmapped:
        message = f"No group is mapped to required roles of the relationship: {', '.join(unmapped)}."
        return Result.warn("MAPPING_PARTIAL", message, payload)
    if empty:
        return Result.warn("GROUP_EMPTY", f"A mapped group has no member: {_list(empty)}.", payload)
    return Result.ok("MAPPING_OK", f"{len(mappings)} mappings are active, and their groups exist.", payload)


def _lacking(expected: GdapRoles, granted: Collection[str], available: Collection[str]) -> list[str]:
    """Return the names of the required roles that the relationships give and that ``available`` roles do not."""
    return [
        name
        for name, role in expected.required.items()
        if expected.has_rights_of(role, granted) and not expected.has_rights_of(role, available)
    ]


def _list(mappings: Sequence[GroupMapping]) -> str:
    return ", ".join(
        f"mapping {mapping.assignment.id} of group {mapping.assignment.group_id}" for mapping in mappings[:5]
    )


def _payload(mappings: Sequence[GroupMapping], members: Members) -> dict[str, Any]:
    return {
        "mapping_count": len(mappings),
        "mappings": [
            {
                **msgspec.to_builtins(mapping.assignment),
                "group_name": mapping.group_name,
                "present_group_id": mapping.present_group_id if mapping.stale else None,
                "member_count": _count(members.by_group.get(mapping.assignment.group_id)),
            }
            for mapping in mappings[:MAX_LISTED]
        ],
    }


def _count(members: frozenset[str] | None) -> int | None:
    return None if members is None else len(members)


@task(
    "gdap.group_mapping",
    step=2,
    required=False,
    inputs=InvitationInputs,
    inputs_from=INVITATION_FROM,
    title="Security groups are mapped to the roles of the relationships",
)
async def gdap_group_mapping(context: TaskContext) -> Result:
    """Reads the access assignments of the relationships, and their groups with members in the partner tenant."""
    await context.progress(0, 3, "Reading the relationships with the customer")
    relationships = await find_relationships(context, max_age=SHARED)
    active = in_force(relationships)
    if isinstance(active, Result):
        return settled((active, Result.ok("MAPPING_OK")), relationships.not_judged)
    expected = expected_roles(context.gdap.required_roles)
    await context.progress(1, 3, "Reading the mappings of groups to roles")
    with reading_partner_tenant():
        assignments = [
            assignment for relationship in active for assignment in await read_assignments(context, relationship)
        ]
        await context.progress(2, 3, "Reading the security groups and their members")
        mappings = await _judged_assignments(context, expected, assignments)
        present = {mapping.assignment.group_id for mapping in mappings if mapping.group_name is not None}
        members = Members(by_group=await members_of(context, present), service_account=context.gdap.service_account)
    await context.progress(3, 3, "Done")
    return settled_for(relationships, lambda customer: decide(expected, customer, mappings, members))


async def _judged_assignments(
    context: TaskContext, expected: GdapRoles, assignments: Sequence[Assignment]
) -> tuple[GroupMapping, ...]:
    groups = await groups_by_id(context, {assignment.group_id for assignment in assignments})
    usual = {
        f"{expected.group_prefix} {expected.names[role]}"
        for assignment in assignments
        if assignment.group_id not in groups
        for role in assignment.roles
        if role in expected.names
    }
    return judged(expected, assignments, groups | await groups_by_name(context, usual))


async def read_assignments(context: TaskContext, relationship: Relationship) -> list[Assignment]:
    """Every access assignment of a relationship."""
    path = f"{RELATIONSHIPS}/{quote(relationship.id, safe='')}/accessAssignments"
    items = await context.partner_graph.list(path, permission=READ_RELATIONSHIPS)
    return [assignment_from(Fields(item, f"accessAssignments[{index}]")) for index, item in enumerate(items)]


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
