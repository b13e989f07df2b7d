"""The Litestar application: token service, Graph, and the control requests of tests and demo."""

import asyncio
from typing import Any

from litestar import Litestar, Request, Response, get, post, put, route
from litestar.params import FromPath, JSONBody

from microsoft_emulator import consent, partner, reads, tokens
from microsoft_emulator.behaviour import Behaviour, Control
from microsoft_emulator.replies import graph_error, reply, token_error
from microsoft_emulator.tenants import Tenant, Tenants

NO_GUID = "Specified tenant identifier is neither a valid DNS name, nor a valid external domain."


def build() -> Litestar:
    """Create a server with its own, empty state."""
    tenants = Tenants()

    @post("/{tenant_id:str}/oauth2/v2.0/token", status_code=200)
    async def token(tenant_id: FromPath[str], request: Request[Any, Any, Any]) -> Response[Any]:
        form = await request.form()
        return _token(tenants.of(tenant_id), {key: str(value) for key, value in form.items()})

    @route("/v1.0/{path:path}", http_method=["GET", "POST"], status_code=200)
    async def graph(path: FromPath[str], request: Request[Any, Any, Any]) -> Response[Any]:
        claims = tokens.read(request.headers.get("authorization", ""))
        tenant = tenants.of(claims["tid"]) if claims else None
        if claims is None or tenant is None:
            return graph_error(401, "InvalidAuthenticationToken", "Access token is missing, expired or not ours.")
        return await _graph(request, tenants, tenant, path, frozenset(claims["roles"]))

    @put("/_control/tenants/{tenant_id:str}")
    async def control(tenant_id: FromPath[str], data: JSONBody[Control]) -> Response[Any]:
        tenant = tenants.of(tenant_id)
        if tenant is None:
            return reply({"error": "Not a GUID"}, 400)
        return _shown(tenants.behave(tenant, data))

    @get("/_control/tenants/{tenant_id:str}")
    async def show(tenant_id: FromPath[str]) -> Response[Any]:
        tenant = tenants.of(tenant_id)
        return _shown(tenant) if tenant else reply({"error": "Not a GUID"}, 400)

    @post("/_control/reset", status_code=204)
    async def reset() -> None:
        tenants.reset()

    @get(["/health/live", "/health/ready"])
    async def health() -> dict[str, Any]:
        return {"status": "UP", "checks": []}

    return Litestar([token, graph, control, show, reset, health], openapi_config=None, logging_config=None)


def _shown(tenant: Tenant) -> Response[Any]:
    return reply({"tenant": tenant.guid, "graph_requests": tenant.graph_requests, "control": tenant.control})


def _token(tenant: Tenant | None, form: dict[str, str]) -> Response[Any]:
    if tenant is None:
        return token_error(400, "invalid_request", "900023", NO_GUID)
    if form.get("grant_type") != "client_credentials":
        return token_error(400, "unsupported_grant_type", "70003", "The app requested an unsupported grant type.")
    app_id = form.get("client_id", "")
    if not app_id:
        return token_error(400, "invalid_request", "900144", "The request body must contain 'client_id'.")
    if not form.get("client_secret"):
        text = "'client_assertion', 'client_secret' or 'request' is required for the 'client_credentials' grant type."
        return token_error(401, "invalid_client", "7000216", text)
    scope = form.get("scope", "")
    if not scope.endswith("/.default"):
        return token_error(400, "invalid_scope", "1002012", f"The provided value for scope {scope} is not valid.")
    if tenant.control.token_error:
        return token_error(400, "invalid_grant", tenant.control.token_error, "The request was refused.")
    tenant.register_application(app_id)
    lifetime = tenant.control.token_lifetime
    access = tokens.issue(tenant.guid, app_id, tenant.granted_names(app_id), lifetime, scope.removesuffix("/.default"))
    return reply({"token_type": "Bearer", "expires_in": lifetime, "ext_expires_in": lifetime, "access_token": access})


async def _graph(
    request: Request[Any, Any, Any], tenants: Tenants, tenant: Tenant, path: str, roles: frozenset[str]
) -> Response[Any]:
    if tenant.fault_strikes():
        fault = await _fault(tenant.control)
        if fault is not None:
            return fault
    if request.method == "POST":
        answer = await consent.write(request, tenant, path)
    else:
        answer = (
            consent.read(request, tenant, path)
            or partner.read(request, tenants, tenant, path, roles)
            or reads.read(request, tenant, path, roles)
        )
    return answer or graph_error(404, "ResourceNotFound", f"Resource not found for the segment '{path}'.")


async def _fault(control: Control) -> Response[Any] | None:
    retry_after = "1" if control.retry_after is None else f"{control.retry_after:g}"
    if control.behaviour is Behaviour.THROTTLING:
        text = "Too many requests. Please wait and try again."
        return graph_error(429, "TooManyRequests", text, {"Retry-After": retry_after})
    if control.behaviour is Behaviour.FAILING:
        headers = {} if control.retry_after is None else {"Retry-After": retry_after}
        return graph_error(control.status, "ServiceUnavailable", "The service is unavailable.", headers)
    if control.behaviour is Behaviour.SLOW:
        await asyncio.sleep(control.delay_seconds)
    return None
