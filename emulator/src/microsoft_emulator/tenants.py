"""The state of the tenants: in memory, created at the first request."""

import time
from collections import deque
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import msgspec

from microsoft_emulator.app_roles import APP_ROLES
from microsoft_emulator.applications import Application, Applications
from microsoft_emulator.behaviour import ConsentShape, Control, RelationshipShape
from microsoft_emulator.ids import PARTNER_TENANT, is_guid, stable_id
from microsoft_emulator.principals import Principal, Timed, new_assignment, new_grant, new_principal
from microsoft_emulator.relationships import Relationship, from_shape
from microsoft_emulator.scopes import PARTNER_CENTER, PARTNER_CENTER_APP
from microsoft_emulator.sign_ins import SignIns
from microsoft_emulator.throttles import Throttle

__all__ = ["PARTNER_TENANT", "FirstState", "Tenant", "Tenants"]

MICROSOFT = "f8cdef31-a31e-4b4a-93e4-5f571e91255a"
"""The tenant that owns Microsoft's own applications."""
MOST_REQUESTED = 200


class Tenant:
    """A tenant: behaviour, service principals and granted permissions.

    ``relationships`` are those of its control request; the partner's tenant holds those that were created by request.
    """

    def __init__(self, guid: str, control: Control | None = None) -> None:
        self.guid = guid
        self.control = control or Control()
        self.graph_requests = 0
        self.requested: deque[str] = deque(maxlen=MOST_REQUESTED)
        """The latest requests, each with its method, version, path and query."""
        self.written: deque[dict[str, Any]] = deque(maxlen=MOST_REQUESTED)
        """The latest writes, each with its method, version, path, ``If-Match`` and body."""
        self.throttle = Throttle()
        self.principals: dict[str, Principal] = {}
        self.members_added: dict[str, list[Timed]] = {}
        graph = new_principal(guid, APP_ROLES.resource_app_id, "Microsoft Graph", MICROSOFT, 0.0)
        self.principals[APP_ROLES.resource_app_id] = graph
        self.graph_principal_id = graph.id
        shapes = self.control.relationships
        shapes = () if guid == PARTNER_TENANT else (RelationshipShape(),) if shapes is None else shapes
        begun = [from_shape(guid, number, shape, self.control.mappings) for number, shape in enumerate(shapes)]
        self.relationships: dict[str, Relationship] = {relationship.id: relationship for relationship in begun}

    @property
    def domain(self) -> str:
        """The initial domain."""
        return f"contoso{self.guid[:8]}.onmicrosoft.com"

    def id_of(self, name: str) -> str:
        """A stable id for an object of this tenant."""
        return stable_id(self.guid, name)

    def fault_strikes(self) -> bool:
        """Count a Graph request; returns True if a limited fault still applies to it."""
        self.graph_requests += 1
        return self.control.times is None or self.graph_requests <= self.control.times

    def visible_later(self) -> float:
        """The moment from which a change of now is visible."""
        return time.monotonic() + self.control.visibility_delay_seconds

    def principal_of(self, app_id: str) -> Principal | None:
        """The visible service principal of an application."""
        principal = self.principals.get(app_id.lower())
        return principal if principal and principal.visible else None

    def principal_with(self, object_id: str) -> Principal | None:
        """The visible service principal with this object id."""
        return next((known for known in self.principals.values() if known.visible and known.id == object_id), None)

    def granted_names(self, app_id: str) -> list[str]:
        """The names of the Graph permissions that tokens of the application name."""
        principal = self.principal_of(app_id)
        return principal.granted_names if principal else []

    def add_principal(self, app_id: str, application: Application, visible_from: float) -> Principal:
        """The service principal of an application, created unless it exists."""
        key = app_id.lower()
        if key not in self.principals:
            owner = application.home_tenant
            self.principals[key] = new_principal(self.guid, key, application.display_name, owner, visible_from)
        return self.principals[key]

    def grant(self, principal: Principal, app_role_id: str, visible_from: float) -> Timed:
        """Assign a permission of Microsoft Graph to a service principal."""
        body = new_assignment(self.guid, principal, self.graph_principal_id, app_role_id)
        principal.assignments.append(Timed(body, visible_from))
        return principal.assignments[-1]

    def consent(self, app_id: str, application: Application, shape: ConsentShape, visible_from: float) -> None:
        """Create the service principal with all that is granted; what it holds already stays."""
        principal = self.add_principal(app_id, application, visible_from)
        principal.body["accountEnabled"] = shape.enabled
        for name in application.app_roles if shape.granted is None else shape.granted:
            role = APP_ROLES.app_roles[name]
            if not principal.holds(role):
                self.grant(principal, role, visible_from)
        if shape.scopes:
            body = new_grant(self.guid, principal, self.graph_principal_id, shape.scopes)
            own = [grant for grant in principal.grants if grant.body["principalId"] is not None]
            principal.grants = [*own, Timed(body, visible_from)]

    def resource_id(self, resource: str) -> str:
        """The object id of the service principal of a resource, named by the audience of its tokens."""
        of_partner_center = self.id_of(f"servicePrincipal/{PARTNER_CENTER_APP}")
        return of_partner_center if resource == PARTNER_CENTER else self.graph_principal_id

    def grant_scopes(self, principal: Principal, user: str, resource: str, names: frozenset[str]) -> None:
        """Grant delegated permissions for one user (object id); what they have granted already stays."""
        resource_id = self.resource_id(resource)
        key = (user, resource_id)
        before = [grant for grant in principal.grants if (grant.body["principalId"], grant.body["resourceId"]) == key]
        held = frozenset(" ".join(grant.body["scope"] for grant in before).split())
        body = new_grant(self.guid, principal, resource_id, tuple(sorted(held | names)), user)
        others = [grant for grant in principal.grants if grant not in before]
        principal.grants = [*others, Timed(body, self.visible_later())]


class FirstState(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The state after the start and after each reset: registrations by client id, tenants by GUID."""

    applications: dict[str, Application] = {}
    tenants: dict[str, Control] = {}


class Tenants:
    """All tenants by GUID."""

    def __init__(self, applications: Applications, controls: Mapping[str, Control] = {}) -> None:
        self.applications = applications
        self.sign_ins = SignIns()
        self._controls = {guid.lower(): control for guid, control in controls.items()}
        self._tenants: dict[str, Tenant] = {}

    def of(self, guid: str) -> Tenant | None:
        """The tenant with this GUID in upper or lower case; None if it is not a GUID."""
        key = guid.lower()
        if not is_guid(key):
            return None
        return self._tenants.get(key) or self._create(key, self._controls.get(key))

    def named(self, name: str) -> Tenant | None:
        """The tenant with this GUID, or with this domain if it was requested before."""
        known = (tenant for tenant in self._tenants.values() if tenant.domain == name.lower())
        return self.of(name) or next(known, None)

    @property
    def partner(self) -> Tenant:
        """The partner's tenant."""
        return self._tenants.get(PARTNER_TENANT) or self._create(PARTNER_TENANT, self._controls.get(PARTNER_TENANT))

    def _create(self, guid: str, control: Control | None) -> Tenant:
        tenant = self._tenants[guid] = Tenant(guid, control)
        for app_id in tenant.control.consented:
            application = self.applications.get(app_id) or Application()
            tenant.consent(app_id, application, ConsentShape(granted=tenant.control.granted), 0.0)
        return tenant

    def relationships(self, matches: Callable[[Relationship], bool] = lambda _: True) -> Iterator[Relationship]:
        """The visible relationships of all known tenants that match."""
        for tenant in list(self._tenants.values()):
            yield from (known for known in tenant.relationships.values() if known.visible and matches(known))

    def relationship(self, relationship_id: str) -> Relationship | None:
        """The visible relationship with this id."""
        known = (tenant.relationships.get(relationship_id) for tenant in self._tenants.values())
        return next((kept for kept in known if kept is not None and kept.visible), None)

    def override_of(self, path: str) -> Any:
        """The answer that a control request of any known tenant sets for this path of the partner's; None = none."""
        overrides = (tenant.control.overrides.get(path) for tenant in self._tenants.values())
        return next((body for body in overrides if body is not None), None)

    def forget(self, relationship_id: str) -> None:
        """Remove a relationship."""
        for tenant in self._tenants.values():
            tenant.relationships.pop(relationship_id, None)

    def behave(self, tenant: Tenant, control: Control) -> Tenant:
        """Replace the tenant by a new one with this behaviour."""
        return self._create(tenant.guid, control)

    def reset(self) -> None:
        """Return every tenant to its first state."""
        self._tenants.clear()
        self.sign_ins.clear()
