"""The holders of the role Global Administrator."""

from typing import Any

from microsoft_emulator.behaviour import Fixture, Premium
from microsoft_emulator.directory import (
    ADMINISTRATORS,
    DELETED_ADMINISTRATOR,
    DISABLED_ADMINISTRATOR,
    GUEST_ADMINISTRATOR,
)
from microsoft_emulator.gdap_roles import GLOBAL_ADMINISTRATOR
from microsoft_emulator.groups import ADMINISTRATORS_GROUP, group_id
from microsoft_emulator.ids import PARTNER_TENANT, stable_id
from microsoft_emulator.tenants import Tenant

PRINCIPAL = dict[str, Any]


def _user(tenant: Tenant, name: str) -> PRINCIPAL:
    return {"@odata.type": "#microsoft.graph.user", "id": tenant.id_of(f"user/{name}"), "displayName": name}


def _additional(tenant: Tenant) -> list[tuple[str, PRINCIPAL | None]]:
    """The holders that the control request adds: id and principal."""
    foreign = stable_id(PARTNER_TENANT, "group/Customer administrators")
    application = tenant.id_of("servicePrincipal/Backup")
    principals: dict[Fixture, PRINCIPAL] = {
        Fixture.FOREIGN_GROUP: {
            "@odata.type": "#microsoft.graph.group",
            "id": foreign,
            "displayName": "Customer administrators",
            "organizationId": PARTNER_TENANT,
        },
        Fixture.SERVICE_PRINCIPAL: {
            "@odata.type": "#microsoft.graph.servicePrincipal",
            "id": application,
            "appId": tenant.id_of("application/Backup"),
            "displayName": "Backup",
        },
        Fixture.GROUP: {
            "@odata.type": "#microsoft.graph.group",
            "id": group_id(tenant, ADMINISTRATORS_GROUP),
            "displayName": ADMINISTRATORS_GROUP,
        },
        Fixture.DELETED: _user(tenant, DELETED_ADMINISTRATOR),
        Fixture.GUEST: _user(tenant, GUEST_ADMINISTRATOR),
        Fixture.DISABLED: _user(tenant, DISABLED_ADMINISTRATOR),
    }
    added: list[tuple[str, PRINCIPAL | None]] = [
        (principal["id"], principal) for fixture, principal in principals.items() if tenant.control.has(fixture)
    ]
    unreadable = (tenant.id_of("user/Unreadable Administrator"), None)
    return [*added, unreadable] if tenant.control.has(Fixture.UNREADABLE) else added


def _assigned(tenant: Tenant, names: tuple[str, ...]) -> list[tuple[str, PRINCIPAL | None]]:
    users = [_user(tenant, name) for name in names]
    return [*((user["id"], user) for user in users), *_additional(tenant)]


def active(tenant: Tenant) -> list[dict[str, Any]]:
    """Active instances of the role: assigned or activated."""
    return [
        {**_instance(tenant, holder, principal, "active"), "assignmentType": "Assigned"}
        for holder, principal in _assigned(tenant, ADMINISTRATORS[:3])
    ]


def eligible(tenant: Tenant) -> list[dict[str, Any]]:
    """Eligible instances of the role."""
    users = [_user(tenant, name) for name in ADMINISTRATORS[3:]]
    return [_instance(tenant, user["id"], user, "eligible") for user in users]


def _instance(tenant: Tenant, holder: str, principal: PRINCIPAL | None, kind: str) -> dict[str, Any]:
    return {
        "id": tenant.id_of(f"{kind}/{holder}"),
        "principalId": holder,
        "roleDefinitionId": GLOBAL_ADMINISTRATOR,
        "directoryScopeId": "/",
        "memberType": "Direct",
        "startDateTime": None,
        "endDateTime": None,
        "principal": principal,
    }


def role_assignments(tenant: Tenant) -> list[dict[str, Any]]:
    """The assignments of the role without those that are only eligible; all are assigned in a tenant without PIM."""
    names = ADMINISTRATORS if tenant.control.lacks(Premium.PIM) else ADMINISTRATORS[:3]
    return [
        {
            "id": tenant.id_of(f"assignment/{holder}"),
            "principalId": holder,
            "roleDefinitionId": GLOBAL_ADMINISTRATOR,
            "directoryScopeId": "/",
            "principal": principal,
        }
        for holder, principal in _assigned(tenant, names)
    ]


def role_members(tenant: Tenant) -> list[dict[str, Any]]:
    """The holders as directory objects; without objects of other organizations and those that cannot be read."""
    known = [principal for _, principal in _assigned(tenant, ADMINISTRATORS) if principal is not None]
    deleted = tenant.id_of(f"user/{DELETED_ADMINISTRATOR}")
    return [principal for principal in known if "organizationId" not in principal and principal["id"] != deleted]
