"""The partner's tenant: relationships with customers, mappings of groups to roles, and the groups.

The control request of a customer sets its relationships and mappings.
"""

import re
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from importlib.resources import files
from typing import Any, Final

import msgspec
from litestar import Request, Response

from microsoft_emulator.behaviour import MappingShape, RelationshipShape
from microsoft_emulator.reads import selected
from microsoft_emulator.replies import graph_error, page
from microsoft_emulator.tenants import PARTNER_TENANT, Tenant, Tenants

RELATIONSHIPS = "/tenantRelationships/delegatedAdminRelationships"
READ_RELATIONSHIPS = frozenset({"DelegatedAdminRelationship.Read.All", "DelegatedAdminRelationship.ReadWrite.All"})
READ_GROUPS = frozenset({"GroupMember.Read.All", "Group.Read.All", "Directory.Read.All"})
_ASSIGNMENTS = re.compile(rf"{RELATIONSHIPS}/([0-9a-f-]{{36}})-[0-9a-f-]{{36}}/accessAssignments\Z")
_CUSTOMER = re.compile(r"customer/tenantId eq '([^']+)'\Z")


class _Roles(msgspec.Struct, frozen=True):
    source: str
    roles: dict[str, str]


ROLES: Final = msgspec.json.decode(
    files("microsoft_emulator").joinpath("gdap_roles.json").read_bytes(), type=_Roles
).roles
"""Role template id by name: the roles of a healthy relationship, each of which has a group in the partner's tenant."""


def read(
    request: Request[Any, Any, Any], tenants: Tenants, tenant: Tenant, path: str, roles: frozenset[str]
) -> Response[Any] | None:
    """Respond to a GET of a path of the partner's tenant; None if there is no such path."""
    if path == "/groups" and tenant.guid == PARTNER_TENANT:
        return page(request, _groups(request, tenant)) if roles & READ_GROUPS else _forbidden()
    relationship = _ASSIGNMENTS.match(path)
    if path != RELATIONSHIPS and not relationship:
        return None
    if not roles & READ_RELATIONSHIPS:
        return _forbidden()
    customers = _customers(request, tenants, relationship) if tenant.guid == PARTNER_TENANT else []
    if relationship and not customers:
        return graph_error(404, "ResourceNotFound", "There is no such relationship.")
    source = assignments if relationship else relationships
    return page(
        request, [item for customer in customers for item in customer.control.overrides.get(path, source(customer))]
    )


def _customers(
    request: Request[Any, Any, Any], tenants: Tenants, relationship: re.Match[str] | None
) -> Iterable[Tenant]:
    """The customer in the path or the filter; without a filter all known customers."""
    wanted = relationship or _CUSTOMER.match(request.query_params.get("$filter", ""))
    if wanted is None:
        return [tenant for tenant in tenants.known() if tenant.guid != PARTNER_TENANT]
    customer = tenants.of(wanted.group(1))
    return [customer] if customer else []


def relationships(customer: Tenant) -> list[dict[str, Any]]:
    """The relationships with a customer: by default one, active for two years."""
    shapes = customer.control.relationships
    now = datetime.now(UTC)
    return [
        _relationship(customer, number, shape, now)
        for number, shape in enumerate((RelationshipShape(),) if shapes is None else shapes)
    ]


def _relationship(customer: Tenant, number: int, shape: RelationshipShape, now: datetime) -> dict[str, Any]:
    granted = ROLES.values() if shape.roles is None else shape.roles
    return {
        "@odata.type": "#microsoft.graph.delegatedAdminRelationship",
        "@odata.etag": 'W/"JyI1ODAwZGY5OS0wMDAwLTAyMDAtMDAwMC02MjFhNmZmYjAwMDAiJw=="',
        "id": f"{customer.guid}-{customer.id_of(f'relationship/{number}')}",
        "displayName": shape.name,
        "duration": "P730D",
        "customer": {"tenantId": customer.guid, "displayName": f"Contoso {customer.guid[:4].upper()}"},
        "accessDetails": {"unifiedRoles": [{"roleDefinitionId": role} for role in granted]},
        "status": shape.status,
        "autoExtendDuration": shape.auto_extend,
        "createdDateTime": _days_ago(now, shape.created_days_ago),
        "lastModifiedDateTime": _days_ago(now, shape.created_days_ago),
        "activatedDateTime": _days_ago(now, shape.activated_days_ago),
        "endDateTime": _days_ago(now, None if shape.days_left is None else -shape.days_left),
    }


def _days_ago(now: datetime, days: float | None) -> str | None:
    return None if days is None else f"{now - timedelta(days=days):%Y-%m-%dT%H:%M:%S}.1234567Z"


def assignments(customer: Tenant) -> list[dict[str, Any]]:
    """The mappings of a relationship: by default one per role."""
    partner = Tenant(PARTNER_TENANT)
    names = {role: name for name, role in ROLES.items()}
    shapes = customer.control.mappings
    shapes = tuple(MappingShape(role=role) for role in ROLES.values()) if shapes is None else shapes
    return [
        {
            "@odata.type": "#microsoft.graph.delegatedAdminAccessAssignment",
            "@odata.etag": 'W/"JyIwMDAwMDI5OC0wMDAwLTAyMDAtMDAwMC02MjJiZTA0YjAwMDAiJw=="',
            "id": customer.id_of(f"accessAssignment/{number}"),
            "status": shape.status,
            "createdDateTime": "2026-01-07T22:55:18.6780449Z",
            "lastModifiedDateTime": "2026-01-07T23:50:35.8970153Z",
            "accessContainer": {
                "accessContainerId": _group_id(partner, names[shape.role])
                if shape.group_exists and shape.role in names
                else customer.id_of(f"deleted group/{number}"),
                "accessContainerType": "securityGroup",
            },
            "accessDetails": {"unifiedRoles": [{"roleDefinitionId": shape.role}]},
        }
        for number, shape in enumerate(shapes)
    ]


def _groups(request: Request[Any, Any, Any], partner: Tenant) -> list[dict[str, Any]]:
    groups = [
        {"id": _group_id(partner, name), "displayName": f"M365 GDAP {name}", "securityEnabled": True} for name in ROLES
    ]
    if request.query_params.get("$filter") != "securityEnabled eq true":
        groups.append({"id": partner.id_of("group/All"), "displayName": "All employees", "securityEnabled": False})
    return selected(request, groups)


def _group_id(partner: Tenant, role_name: str) -> str:
    return partner.id_of(f"group/{role_name}")


def _forbidden() -> Response[Any]:
    return graph_error(403, "Authorization_RequestDenied", "Insufficient privileges to complete the operation.")
