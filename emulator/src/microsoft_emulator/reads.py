"""The readable paths of Graph: required permissions, licence and data source."""

import re
from collections.abc import Callable
from typing import Any

import msgspec
from litestar import Request, Response

from microsoft_emulator import directory, policies
from microsoft_emulator.behaviour import Premium
from microsoft_emulator.replies import graph_error, page, reply
from microsoft_emulator.tenants import Tenant

Source = Callable[[Tenant], Any]
ROLES = "/roleManagement/directory"


class Read(msgspec.Struct, frozen=True):
    """A readable path. One of ``permissions`` is sufficient; ``premium`` is the required licence, if any."""

    source: Source
    permissions: frozenset[str]
    premium: Premium | None = None


def _read(source: Source, *permissions: str, premium: Premium | None = None) -> Read:
    return Read(source, frozenset(permissions), premium)


READS: dict[str, Read] = {
    "/organization": _read(directory.organization, "Organization.Read.All", "Directory.Read.All"),
    "/users": _read(directory.users, "User.Read.All", "Directory.Read.All"),
    "/groups": _read(directory.groups, "GroupMember.Read.All", "Directory.Read.All"),
    "/subscribedSkus": _read(directory.subscribed_skus, "Organization.Read.All", "Directory.Read.All"),
    "/policies/identitySecurityDefaultsEnforcementPolicy": _read(policies.security_defaults, "Policy.Read.All"),
    "/policies/authorizationPolicy": _read(policies.authorization_policy, "Policy.Read.All"),
    "/identity/conditionalAccess/policies": _read(
        policies.conditional_access, "Policy.Read.All", premium=Premium.POLICY
    ),
    "/reports/authenticationMethods/userRegistrationDetails": _read(
        policies.registration_details, "AuditLog.Read.All", premium=Premium.REPORT
    ),
    f"{ROLES}/roleAssignmentScheduleInstances": _read(
        directory.active_administrators,
        "RoleAssignmentSchedule.Read.Directory",
        "RoleManagement.Read.Directory",
        premium=Premium.PIM,
    ),
    f"{ROLES}/roleEligibilityScheduleInstances": _read(
        directory.eligible_administrators,
        "RoleEligibilitySchedule.Read.Directory",
        "RoleManagement.Read.Directory",
        premium=Premium.PIM,
    ),
    f"/directoryRoles(roleTemplateId='{directory.GLOBAL_ADMINISTRATOR}')/members": _read(
        directory.role_members, "RoleManagement.Read.Directory", "Directory.Read.All"
    ),
}
_USERS_GROUPS = re.compile(r"/users/[0-9a-f-]{36}/transitiveMemberOf/microsoft\.graph\.group\Z")
_GROUP_MEMBERS = re.compile(r"/groups/[0-9a-f-]{36}/transitiveMembers/microsoft\.graph\.user\Z")
_FILTER_IN = re.compile(r"(\w+) in \(('[^']*'(?:,\s*'[^']*')*)\)\Z")
_FILTER_EQ = re.compile(r"(\w+) eq '([^']*)'\Z")
_FILTER_FLAG = re.compile(r"(\w+) eq (true|false)\Z")


def read(request: Request[Any, Any, Any], tenant: Tenant, path: str, roles: frozenset[str]) -> Response[Any] | None:
    """Respond to a GET of a path in the directory; None if there is no such path."""
    known = READS.get(path)
    if _GROUP_MEMBERS.match(path):
        known = _read(lambda tenant: [], "GroupMember.Read.All", "Directory.Read.All")
    if _USERS_GROUPS.match(path):
        known = _read(lambda tenant: [], "User.Read.All", "GroupMember.Read.All", "Directory.Read.All")
    if known is None:
        return None
    if not roles & known.permissions:
        return graph_error(403, "Authorization_RequestDenied", "Insufficient privileges to complete the operation.")
    if path not in tenant.control.overrides and tenant.control.lacks(known.premium):
        return _no_licence(known.premium)
    body = tenant.control.overrides.get(path, known.source(tenant))
    return page(request, selected(request, filtered(request, body))) if isinstance(body, list) else reply(body)


def filtered(request: Request[Any, Any, Any], items: list[Any]) -> list[Any]:
    """Apply ``$filter``: ``field eq 'x'``, ``field eq true`` or ``field in ('x','y')``.

    Items without the field, or with another type of it, are kept: tests create such items for the tasks.
    """
    text = request.query_params.get("$filter", "")
    wanted: list[Any]
    if flag := _FILTER_FLAG.match(text):
        name, wanted = flag.group(1), [flag.group(2) == "true"]
    elif equal := _FILTER_EQ.match(text):
        name, wanted = equal.group(1), [equal.group(2)]
    elif contained := _FILTER_IN.match(text):
        name, wanted = contained.group(1), re.findall(r"'([^']*)'", contained.group(2))
    else:
        return items
    kind = type(wanted[0])
    return [
        item
        for item in items
        if not isinstance(item, dict) or not isinstance(item.get(name), kind) or item[name] in wanted
    ]


def selected(request: Request[Any, Any, Any], items: list[Any]) -> list[Any]:
    """Apply ``$select``: keep only the named fields of the items."""
    names = {name.strip() for name in request.query_params.get("$select", "").split(",") if name.strip()}
    if not names:
        return items
    return [
        {key: value for key, value in item.items() if key in names or key.startswith("@")}
        if isinstance(item, dict)
        else item
        for item in items
    ]


def _no_licence(kind: Premium | None) -> Response[Any]:
    if kind is Premium.PIM:
        text = "The tenant needs to have Microsoft Entra ID P2 or Microsoft Entra ID Governance license."
        return graph_error(400, "AadPremiumLicenseRequired", text)
    if kind is Premium.REPORT:
        text = "Neither tenant is B2C or tenant doesn't have premium license"
        return graph_error(403, "Authentication_RequestFromNonPremiumTenantOrB2CTenant", text)
    return graph_error(403, "AccessDenied", "Your tenant is not licensed for this feature.")
