"""The state of the tenants: in memory, created at the first request."""

import re
import uuid
from typing import Any

from microsoft_emulator.app_roles import APP_ROLES, NAMES
from microsoft_emulator.behaviour import Behaviour, Control

PARTNER_TENANT = "a0000000-0000-4000-8000-000000000001"
"""The partner's tenant, which has the relationships with all others."""

GUID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")


class Tenant:
    """The tenant of a customer: behaviour, service principals and granted permissions."""

    def __init__(self, guid: str, control: Control | None = None) -> None:
        self.guid = guid
        self.control = control or Control()
        self.graph_requests = 0
        self.service_principals: dict[str, dict[str, Any]] = {}
        self.assignments: dict[str, list[dict[str, Any]]] = {}
        self.add_service_principal(APP_ROLES.resource_app_id, "Microsoft Graph")

    def id_of(self, name: str) -> str:
        """A stable id for an object of this tenant."""
        return str(uuid.uuid5(uuid.UUID(self.guid), name))

    def fault_strikes(self) -> bool:
        """Count a Graph request; returns True if a limited fault still applies to it."""
        self.graph_requests += 1
        return self.control.times is None or self.graph_requests <= self.control.times

    def register_application(self, app_id: str) -> None:
        """Create the service principal with its permissions on the first token request, if consent was given."""
        if self.control.behaviour is not Behaviour.UNCONSENTED and app_id not in self.service_principals:
            principal = self.add_service_principal(app_id, "Managed tenant onboarding")
            partner = APP_ROLES.granted_in_partner if self.guid == PARTNER_TENANT else ()
            granted = self.control.granted
            for name in (*(APP_ROLES.granted_when_healthy if granted is None else granted), *partner):
                self.grant(principal["id"], self.graph_principal_id, APP_ROLES.app_roles[name])

    @property
    def graph_principal_id(self) -> str:
        """The object id of the service principal of Microsoft Graph in this tenant."""
        return str(self.service_principals[APP_ROLES.resource_app_id]["id"])

    def add_service_principal(self, app_id: str, display_name: str) -> dict[str, Any]:
        """Create the service principal of an application."""
        principal = {
            "id": self.id_of(f"servicePrincipal/{app_id}"),
            "appId": app_id,
            "displayName": display_name,
            "accountEnabled": True,
        }
        self.service_principals[app_id] = principal
        self.assignments[principal["id"]] = []
        return principal

    def grant(self, principal_id: str, resource_id: str, app_role_id: str) -> dict[str, Any]:
        """Assign an application permission to a service principal."""
        assignment = {
            "id": self.id_of(f"assignment/{principal_id}/{resource_id}/{app_role_id}"),
            "appRoleId": app_role_id,
            "principalId": principal_id,
            "principalType": "ServicePrincipal",
            "resourceId": resource_id,
            "resourceDisplayName": "Microsoft Graph",
        }
        self.assignments[principal_id].append(assignment)
        return assignment

    def granted_names(self, app_id: str) -> list[str]:
        """The names of the Graph permissions that the application holds here."""
        principal = self.service_principals.get(app_id)
        held = self.assignments[principal["id"]] if principal else []
        return sorted(NAMES[item["appRoleId"]] for item in held if item["appRoleId"] in NAMES)


class Tenants:
    """All tenants by GUID."""

    def __init__(self) -> None:
        self._tenants: dict[str, Tenant] = {}

    def of(self, guid: str) -> Tenant | None:
        """The tenant with this GUID in upper or lower case; None if it is not a GUID."""
        key = guid.lower()
        if not GUID.fullmatch(key):
            return None
        tenant = self._tenants.get(key)
        if tenant is None:
            tenant = self._tenants[key] = Tenant(key)
        return tenant

    def known(self) -> tuple[Tenant, ...]:
        """Every tenant that was requested so far."""
        return tuple(self._tenants.values())

    def behave(self, tenant: Tenant, control: Control) -> Tenant:
        """Replace the tenant by a new one with this behaviour."""
        self._tenants[tenant.guid] = Tenant(tenant.guid, control)
        return self._tenants[tenant.guid]

    def reset(self) -> None:
        """Make every tenant healthy again."""
        self._tenants.clear()
