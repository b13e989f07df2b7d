"""The control requests of tests and demo: registrations, tenants, consents, approvals."""

from typing import Any

import msgspec
from litestar import Response, delete, get, post, put
from litestar.handlers import HTTPRouteHandler
from litestar.params import FromPath, JSONBody

from microsoft_emulator import applications as registrations
from microsoft_emulator.app_roles import unknown_names
from microsoft_emulator.applications import Application
from microsoft_emulator.approvals import approve
from microsoft_emulator.behaviour import ConsentShape, Control
from microsoft_emulator.people import person_with
from microsoft_emulator.replies import reply
from microsoft_emulator.tenants import FirstState, Tenant, Tenants


class Approval(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The body of ``POST /_control/relationships/{id}/approve``: the customer's tenant."""

    tenant: str


def begin(tenants: Tenants, start: FirstState) -> None:
    """Return to the state of the start. Raises ``ValueError`` if it contains a wrong registration."""
    tenants.reset()
    tenants.applications.clear()
    for client_id, application in start.applications.items():
        if (reason := registrations.fault(client_id, application)) is not None:
            raise ValueError(f"{client_id}: {reason}")
        tenants.applications.register(client_id, application)


def control_handlers(tenants: Tenants, start: FirstState) -> list[HTTPRouteHandler]:
    """The handlers of all control requests."""

    @post("/_control/relationships/{relationship_id:str}/approve")
    async def approve_relationship(relationship_id: FromPath[str], data: JSONBody[Approval]) -> Response[Any]:
        reason = approve(tenants, relationship_id, data.tenant)
        return reply(None, 204) if reason is None else reply({"error": reason}, 409)

    @post("/_control/reset", status_code=204)
    async def reset() -> None:
        begin(tenants, start)

    return [*_application_handlers(tenants), *_tenant_handlers(tenants), approve_relationship, reset]


def _application_handlers(tenants: Tenants) -> list[HTTPRouteHandler]:
    @put("/_control/applications/{client_id:str}")
    async def register(client_id: FromPath[str], data: JSONBody[Application]) -> Response[Any]:
        if (reason := registrations.fault(client_id, data)) is not None:
            return reply({"error": reason}, 400)
        tenants.applications.register(client_id, data)
        return _registration(client_id, data)

    @get("/_control/applications/{client_id:str}")
    async def show_application(client_id: FromPath[str]) -> Response[Any]:
        application = tenants.applications.get(client_id)
        return _registration(client_id, application) if application else reply({"error": "Not registered"}, 404)

    return [register, show_application]


def _registration(client_id: str, application: Application) -> Response[Any]:
    """The registration without its secrets."""
    shown = msgspec.to_builtins(application) | {"secrets": len(application.secrets)}
    return reply({"client_id": client_id, **shown, "required_app_roles": application.app_roles})


def _tenant_handlers(tenants: Tenants) -> list[HTTPRouteHandler]:
    @put("/_control/tenants/{tenant_id:str}")
    async def control(tenant_id: FromPath[str], data: JSONBody[Control]) -> Response[Any]:
        tenant = tenants.of(tenant_id)
        if tenant is None or unknown_names(data.granted or ()):
            return reply({"error": "Not a GUID, or an unknown permission"}, 400)
        return _tenant(tenants.behave(tenant, data))

    @get("/_control/tenants/{tenant_id:str}")
    async def show(tenant_id: FromPath[str]) -> Response[Any]:
        tenant = tenants.of(tenant_id)
        return _tenant(tenant) if tenant else reply({"error": "Not a GUID"}, 400)

    @put("/_control/tenants/{tenant_id:str}/consents/{client_id:str}")
    async def consent(
        tenant_id: FromPath[str], client_id: FromPath[str], data: JSONBody[ConsentShape]
    ) -> Response[Any]:
        tenant = tenants.of(tenant_id)
        application = tenants.applications.of(client_id, tenant.guid) if tenant else None
        if tenant is None or application is None or unknown_names(data.granted or ()):
            return reply({"error": "Not a GUID, not registered for this tenant, or an unknown permission"}, 400)
        tenant.consent(client_id, application, data, tenant.visible_later())
        return _tenant(tenant)

    @delete("/_control/tenants/{tenant_id:str}/consents/{client_id:str}", status_code=204)
    async def withdraw(tenant_id: FromPath[str], client_id: FromPath[str]) -> None:
        tenant = tenants.of(tenant_id)
        if tenant is not None:
            tenant.principals.pop(client_id.lower(), None)

    @post("/_control/tenants/{tenant_id:str}/users/{user:str}/revoke", status_code=204)
    async def revoke(tenant_id: FromPath[str], user: FromPath[str]) -> None:
        tenant = tenants.of(tenant_id)
        person = person_with(tenant, user) if tenant else None
        if tenant is not None and person is not None:
            tenants.sign_ins.revoke(tenant.guid, person.id)

    return [control, show, consent, withdraw, revoke]


def _tenant(tenant: Tenant) -> Response[Any]:
    """The state of a tenant; ``requested`` are its latest Graph requests, ``written`` those that are not reads."""
    return reply(
        {
            "tenant": tenant.guid,
            "graph_requests": tenant.graph_requests,
            "requested": list(tenant.requested),
            "written": list(tenant.written),
            "control": tenant.control,
        }
    )
