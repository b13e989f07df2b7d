"""Service principals and their permissions: read by checks, written by the repair of consent."""

import re
from typing import Any

import msgspec
from litestar import Request, Response

from microsoft_emulator.replies import graph_error, page, reply
from microsoft_emulator.tenants import Tenant

_BY_APP = re.compile(r"/servicePrincipals\(appId='([^']+)'\)\Z")
_GRANTS = re.compile(r"/servicePrincipals/([0-9a-f-]{36})/(appRoleAssignments|oauth2PermissionGrants)\Z")
_FILTER = re.compile(r"appId eq '([^']+)'\Z")


def read(request: Request[Any, Any, Any], tenant: Tenant, path: str) -> Response[Any] | None:
    """Respond to a GET below ``/servicePrincipals``; None if there is no such path."""
    if path in tenant.control.overrides:
        body = tenant.control.overrides[path]
        return page(request, body) if isinstance(body, list) else reply(body)
    if by_app := _BY_APP.match(path):
        principal = tenant.service_principals.get(by_app.group(1))
        return reply(principal) if principal else _not_found(by_app.group(1))
    if path == "/servicePrincipals":
        wanted = _FILTER.match(request.query_params.get("$filter", ""))
        items = [item for app, item in tenant.service_principals.items() if wanted is None or app == wanted.group(1)]
        return page(request, items)
    grants = _GRANTS.match(path)
    if not grants:
        return None
    if grants.group(1) not in tenant.assignments:
        return _not_found(grants.group(1))
    return page(request, tenant.assignments[grants.group(1)] if grants.group(2) == "appRoleAssignments" else [])


async def write(request: Request[Any, Any, Any], tenant: Tenant, path: str) -> Response[Any] | None:
    """Respond to a POST below ``/servicePrincipals``; None if there is no such path."""
    grants = _GRANTS.match(path)
    if path != "/servicePrincipals" and not (grants and grants.group(2) == "appRoleAssignments"):
        return None
    try:
        body = msgspec.json.decode(await request.body(), type=dict[str, Any])
    except msgspec.DecodeError:
        return graph_error(400, "Request_BadRequest", "The body is not a JSON object.")
    return _assign(tenant, grants.group(1), body) if grants else _create(tenant, body)


def _create(tenant: Tenant, body: dict[str, Any]) -> Response[Any]:
    app_id = body.get("appId")
    if not isinstance(app_id, str) or not app_id:
        return graph_error(400, "Request_BadRequest", "The property 'appId' is missing.")
    if app_id in tenant.service_principals:
        text = "The service principal cannot be created because it already exists in this tenant."
        return graph_error(409, "Request_MultipleObjectsWithSameKeyValue", text)
    return reply(tenant.add_service_principal(app_id, "Managed tenant onboarding"), 201)


def _assign(tenant: Tenant, principal_id: str, body: dict[str, Any]) -> Response[Any]:
    if principal_id not in tenant.assignments:
        return _not_found(principal_id)
    resource, role = body.get("resourceId"), body.get("appRoleId")
    if body.get("principalId") != principal_id or resource != tenant.graph_principal_id or not isinstance(role, str):
        return graph_error(400, "Request_BadRequest", "principalId, resourceId and appRoleId must name known objects.")
    if any(item["appRoleId"] == role for item in tenant.assignments[principal_id]):
        return graph_error(400, "Request_BadRequest", "Permission being assigned already exists on the object")
    return reply(tenant.grant(principal_id, tenant.graph_principal_id, role), 201)


def _not_found(object_id: str) -> Response[Any]:
    return graph_error(404, "Request_ResourceNotFound", f"Resource '{object_id}' does not exist.")
