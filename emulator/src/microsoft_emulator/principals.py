"""Service principals of a tenant with their permissions, and the moment from which each is visible."""

import time
from dataclasses import dataclass, field
from typing import Any

from microsoft_emulator.app_roles import NAMES
from microsoft_emulator.ids import stable_id


@dataclass
class Timed:
    """An object of the directory that is visible from ``visible_from`` (``time.monotonic()``)."""

    body: dict[str, Any]
    visible_from: float = 0.0

    @property
    def visible(self) -> bool:
        """True if reads and tokens show it."""
        return time.monotonic() >= self.visible_from


@dataclass
class Principal(Timed):
    """A service principal with its application and delegated permissions."""

    assignments: list[Timed] = field(default_factory=list)
    grants: list[Timed] = field(default_factory=list)

    @property
    def id(self) -> str:
        """The object id."""
        return str(self.body["id"])

    @property
    def granted_names(self) -> list[str]:
        """The names of the visible permissions on Microsoft Graph."""
        held = [assignment.body["appRoleId"] for assignment in self.assignments if assignment.visible]
        return sorted({NAMES[role] for role in held if role in NAMES})

    def granted_scopes(self, resource_id: str, user: str) -> frozenset[str]:
        """The visible delegated permissions on a resource, for everybody and for this user (object id)."""
        grants = [grant.body for grant in self.grants if grant.visible and grant.body["resourceId"] == resource_id]
        mine = [grant["scope"] for grant in grants if grant["principalId"] in (None, user)]
        return frozenset(" ".join(mine).split())

    def holds(self, app_role_id: str) -> bool:
        """True if the permission is assigned, visible or not."""
        return any(assignment.body["appRoleId"] == app_role_id for assignment in self.assignments)


def new_principal(tenant: str, app_id: str, display_name: str, owner: str, visible_from: float) -> Principal:
    """The service principal of an application that belongs to the tenant ``owner``."""
    body = {
        "id": stable_id(tenant, f"servicePrincipal/{app_id}"),
        "appId": app_id,
        "displayName": display_name,
        "accountEnabled": True,
        "appOwnerOrganizationId": owner,
        "servicePrincipalType": "Application",
    }
    return Principal(body, visible_from)


def new_assignment(tenant: str, principal: Principal, resource_id: str, app_role_id: str) -> dict[str, Any]:
    """The assignment of a permission of Microsoft Graph to a service principal."""
    return {
        "id": stable_id(tenant, f"assignment/{principal.id}/{resource_id}/{app_role_id}"),
        "appRoleId": app_role_id,
        "principalDisplayName": principal.body["displayName"],
        "principalId": principal.id,
        "principalType": "ServicePrincipal",
        "resourceId": resource_id,
        "resourceDisplayName": "Microsoft Graph",
    }


def new_grant(
    tenant: str, principal: Principal, resource_id: str, scopes: tuple[str, ...], user: str | None = None
) -> dict[str, Any]:
    """The grant of delegated permissions to a service principal; for all users, or for one (object id)."""
    return {
        "id": stable_id(tenant, f"grant/{principal.id}{f'/{resource_id}/{user}' if user else ''}"),
        "clientId": principal.id,
        "consentType": "Principal" if user else "AllPrincipals",
        "principalId": user,
        "resourceId": resource_id,
        "scope": " ".join(scopes),
    }
