"""Service principals and their permissions: read by checks, written by whoever may."""

from typing import Any

from litestar import Response

from microsoft_emulator.principals import Timed
from microsoft_emulator.query import Query
from microsoft_emulator.replies import graph_error, reply
from microsoft_emulator.routing import Call, Route, any_of, bad_request, not_found

READ = any_of("Application.Read.All", "Application.ReadWrite.All", "Directory.Read.All")
READ_GRANTS = any_of("Directory.Read.All", "DelegatedPermissionGrant.ReadWrite.All")
CREATE = any_of("Application.ReadWrite.All")
ASSIGN = (
    frozenset({"AppRoleAssignment.ReadWrite.All", "Application.Read.All"}),
    frozenset({"AppRoleAssignment.ReadWrite.All", "Application.ReadWrite.All"}),
    frozenset({"AppRoleAssignment.ReadWrite.All", "Directory.Read.All"}),
)
BY_APP = "/servicePrincipals(appId='{app}')"
BY_ID = "/servicePrincipals/{id}"


def _by_app(call: Call) -> Any:
    principal = call.tenant.principal_of(call.arguments["app"])
    return principal.body if principal else not_found(call.arguments["app"])


def _by_id(call: Call) -> Any:
    principal = call.tenant.principal_with(call.arguments["id"])
    return principal.body if principal else not_found(call.arguments["id"])


def _list(call: Call) -> Any:
    return _bodies(list(call.tenant.principals.values()))


def _assignments(call: Call) -> Any:
    principal = call.tenant.principal_with(call.arguments["id"])
    return _bodies(principal.assignments) if principal else not_found(call.arguments["id"])


def _grants(call: Call) -> Any:
    principal = call.tenant.principal_with(call.arguments["id"])
    return _bodies(principal.grants) if principal else not_found(call.arguments["id"])


def _assigned_to(call: Call) -> Any:
    if call.tenant.principal_with(call.arguments["id"]) is None:
        return not_found(call.arguments["id"])
    visible = (principal for principal in call.tenant.principals.values() if principal.visible)
    held = [body for principal in visible for body in _bodies(principal.assignments)]
    return [body for body in held if body["resourceId"] == call.arguments["id"]]


def _bodies(items: list[Any]) -> list[dict[str, Any]]:
    visible: list[Timed] = [item for item in items if item.visible]
    return [item.body for item in visible]


def _create(call: Call) -> Response[Any]:
    body = call.json()
    app_id = body.get("appId") if body is not None else None
    if not isinstance(app_id, str) or not app_id:
        return bad_request("The body is no JSON object with the property 'appId'.")
    application = call.tenants.applications.of(app_id, call.tenant.guid)
    if application is None:
        return bad_request(f"The application {app_id} does not exist, or is not available in this tenant.")
    if app_id.lower() in call.tenant.principals:
        text = "The service principal cannot be created because it already exists in this tenant."
        return graph_error(409, "Request_MultipleObjectsWithSameKeyValue", text)
    return reply(call.tenant.add_principal(app_id, application, call.tenant.visible_later()).body, 201)


def _assign(call: Call) -> Response[Any]:
    """Assign a permission by the path of the client or of the resource."""
    body = call.json() or {}
    at_resource = call.path.endswith("appRoleAssignedTo")
    principal = call.tenant.principal_with(str(body.get("principalId")) if at_resource else call.arguments["id"])
    if principal is None:
        return not_found(call.arguments["id"])
    resource, role = body.get("resourceId"), body.get("appRoleId")
    on_graph = resource == call.tenant.graph_principal_id
    wrong_path = at_resource and call.arguments["id"] != resource
    if wrong_path or body.get("principalId") != principal.id or not on_graph or not isinstance(role, str):
        return bad_request("principalId, resourceId and appRoleId must name known objects.")
    if principal.holds(role):
        return bad_request("Permission being assigned already exists on the object")
    return reply(call.tenant.grant(principal, role, call.tenant.visible_later()).body, 201)


_PRINCIPAL = Query(type="ServicePrincipal")
_ASSIGNMENT = Query(type="AppRoleAssignment", max_top=999)

ROUTES: tuple[Route, ...] = (
    Route("GET", BY_APP, _by_app, READ, _PRINCIPAL),
    Route("GET", BY_ID, _by_id, READ, _PRINCIPAL),
    Route(
        "GET",
        "/servicePrincipals",
        _list,
        READ,
        Query(type="ServicePrincipal", filters=frozenset({"appId eq", "id in"}), max_top=999),
    ),
    Route("POST", "/servicePrincipals", _create, CREATE),
    Route("GET", f"{BY_ID}/appRoleAssignments", _assignments, READ, _ASSIGNMENT),
    Route("POST", f"{BY_ID}/appRoleAssignments", _assign, ASSIGN),
    Route("GET", f"{BY_ID}/appRoleAssignedTo", _assigned_to, READ, _ASSIGNMENT),
    Route("POST", f"{BY_ID}/appRoleAssignedTo", _assign, ASSIGN),
    Route(
        "GET",
        f"{BY_ID}/oauth2PermissionGrants",
        _grants,
        READ_GRANTS,
        Query(type="OAuth2PermissionGrant", max_top=999),
    ),
)
