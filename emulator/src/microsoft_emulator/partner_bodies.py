"""The bodies of changes to relationships: which are correct, and what they mean."""

import re
from typing import Any

from microsoft_emulator.gdap_roles import GLOBAL_ADMINISTRATOR
from microsoft_emulator.ids import is_guid

LONGEST_NAME, LONGEST_DAYS = 50, 730
AUTO_EXTEND = "P180D"
_DURATION = re.compile(r"P([1-9]\d{0,2})D\Z")
_PROPERTIES = frozenset({"displayName", "duration", "customer", "accessDetails", "autoExtendDuration", "@odata.type"})


def fault_of_relationship(body: dict[str, Any] | None, roles_before: tuple[str, ...] = ()) -> str | None:
    """The reason to refuse the body of a new or changed relationship; None if it is correct."""
    if body is None:
        return "The body is no JSON object."
    if strange := sorted(body.keys() - _PROPERTIES):
        return f"The property '{strange[0]}' cannot be set."
    name, duration = body.get("displayName"), _DURATION.match(str(body.get("duration")))
    if not isinstance(name, str) or not 1 <= len(name) <= LONGEST_NAME:
        return f"displayName must have between 1 and {LONGEST_NAME} characters."
    if not duration or int(duration.group(1)) > LONGEST_DAYS:
        return f"duration must be between P1D and P{LONGEST_DAYS}D."
    customer = body.get("customer")
    if customer is not None and not (isinstance(customer, dict) and is_guid(str(customer.get("tenantId")))):
        return "customer.tenantId must be a GUID."
    roles = roles_in(body.get("accessDetails")) or roles_before
    if not roles:
        return "accessDetails.unifiedRoles must name the template ids of at least one role."
    extend = body.get("autoExtendDuration")
    if extend not in (None, "PT0S", "P0D", AUTO_EXTEND):
        return f"autoExtendDuration must be PT0S or {AUTO_EXTEND}."
    if extend == AUTO_EXTEND and GLOBAL_ADMINISTRATOR in roles:
        return "A relationship with the role Global Administrator cannot be extended automatically."
    return None


def roles_in(details: object) -> tuple[str, ...]:
    """The role ids in ``accessDetails``; empty if it has another form."""
    listed = details.get("unifiedRoles") if isinstance(details, dict) else None
    if not isinstance(listed, list):
        return ()
    ids = [role.get("roleDefinitionId") if isinstance(role, dict) else None for role in listed]
    return tuple(role.lower() for role in ids if isinstance(role, str)) if all(map(_is_role, ids)) else ()


def _is_role(value: object) -> bool:
    return isinstance(value, str) and is_guid(value)


def group_in(container: object) -> str | None:
    """The id of the security group in ``accessContainer``; None if it has another form."""
    if not isinstance(container, dict) or container.get("accessContainerType") != "securityGroup":
        return None
    group = container.get("accessContainerId")
    return group.lower() if isinstance(group, str) and is_guid(group) else None
