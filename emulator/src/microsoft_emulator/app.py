"""The Litestar application: token service, consent page, Graph, and the control requests of tests and demo."""

import asyncio
import random
from collections.abc import Callable
from typing import Any

from litestar import Litestar, Request, Response, delete, get, post, route
from litestar.handlers import HTTPRouteHandler
from litestar.params import FromPath

from microsoft_emulator import (
    authorize_page,
    batch,
    consent,
    consent_page,
    delegated_access,
    groups,
    invitation_page,
    partner,
    partner_center,
    partner_writes,
    reads,
    token_service,
    tokens,
)
from microsoft_emulator.applications import Applications
from microsoft_emulator.authorize_page import AuthorizeLink
from microsoft_emulator.behaviour import Behaviour, Control
from microsoft_emulator.consent_page import ConsentLink
from microsoft_emulator.controls import begin, control_handlers
from microsoft_emulator.replies import graph_error
from microsoft_emulator.routing import Call, Route, dispatch
from microsoft_emulator.scopes import PARTNER_CENTER
from microsoft_emulator.tenants import FirstState, Tenant, Tenants

ROUTES: tuple[Route, ...] = (
    *reads.ROUTES,
    *groups.ROUTES,
    *consent.ROUTES,
    *partner.ROUTES,
    *partner_writes.ROUTES,
)
"""Every path and verb of Graph."""

AnyRequest = Request[Any, Any, Any]


def build(start: FirstState | None = None) -> Litestar:
    """Create a server with its own state: no registrations and no consents, except those of ``start``.

    Raises ``ValueError`` if ``start`` contains a wrong registration.
    """
    begins = start or FirstState()
    tenants = Tenants(Applications(), begins.tenants)
    begin(tenants, begins)

    @route(
        ["/v1.0/{path:path}", "/beta/{path:path}"],
        http_method=["GET", "POST", "PATCH", "PUT", "DELETE"],
        status_code=200,
    )
    async def graph(path: FromPath[str], request: AnyRequest) -> Response[Any]:
        return await _graph(tenants, path, request)

    @get(["/health/live", "/health/ready"])
    async def health() -> dict[str, Any]:
        return {"status": "UP", "checks": []}

    own = [*_login_handlers(tenants), *_partner_center_handlers(tenants)]
    handlers = [*own, *control_handlers(tenants, begins), graph, health]
    return Litestar(handlers, openapi_config=None, logging_config=None)


def _login_handlers(tenants: Tenants) -> list[HTTPRouteHandler]:
    @post("/{tenant_id:str}/oauth2/v2.0/token", status_code=200)
    async def token(tenant_id: FromPath[str], request: AnyRequest) -> Response[Any]:
        await _latency(tenants.of(tenant_id))
        url = str(request.url).partition("?")[0]
        return token_service.respond(tenants, tenants.applications, tenant_id, await _form(request), url)

    @route(["/{tenant_id:str}/v2.0/adminconsent", "/{tenant_id:str}/adminconsent"], http_method=["GET", "POST"])
    async def admin_consent(tenant_id: FromPath[str], request: AnyRequest) -> Response[Any]:
        version = 2 if request.url.path.endswith("/v2.0/adminconsent") else 1
        link = consent_page.read(tenants, tenant_id, version, dict(request.query_params))
        if not isinstance(link, ConsentLink):
            return link
        posted = request.method == "POST"
        return consent_page.decide(tenants, link, await _form(request)) if posted else consent_page.show(link)

    @route("/{tenant_id:str}/oauth2/v2.0/authorize", http_method=["GET", "POST"])
    async def authorize(tenant_id: FromPath[str], request: AnyRequest) -> Response[Any]:
        link = authorize_page.read(tenants, tenant_id, dict(request.query_params))
        if not isinstance(link, AuthorizeLink):
            return link
        posted = request.method == "POST"
        return authorize_page.decide(tenants, link, await _form(request)) if posted else authorize_page.show(link)

    @route("/partner/relationships/{relationship_id:str}", http_method=["GET", "POST"])
    async def invitation(relationship_id: FromPath[str], request: AnyRequest) -> Response[Any]:
        if request.method == "POST":
            return invitation_page.decide(tenants, relationship_id, await _form(request))
        return invitation_page.show(tenants, relationship_id)

    return [token, authorize, admin_consent, invitation]


def _partner_center_handlers(tenants: Tenants) -> list[HTTPRouteHandler]:
    @post("/v1/customers/{customer:str}/applicationconsents")
    async def consent(customer: FromPath[str], request: AnyRequest) -> Response[Any]:
        authorization = request.headers.get("authorization", "")
        return partner_center.create(tenants, customer, authorization, await request.body())

    @delete("/v1/customers/{customer:str}/applicationconsents/{app_id:str}", status_code=200)
    async def withdraw(customer: FromPath[str], app_id: FromPath[str], request: AnyRequest) -> Response[Any]:
        return partner_center.remove(tenants, customer, app_id, request.headers.get("authorization", ""))

    return [consent, withdraw]


async def _form(request: AnyRequest) -> dict[str, str]:
    return {key: str(value) for key, value in (await request.form()).items()}


async def _graph(tenants: Tenants, path: str, request: AnyRequest) -> Response[Any]:
    claims = tokens.read(request.headers.get("authorization", ""))
    tenant = tenants.of(claims["tid"]) if claims else None
    if claims is None or tenant is None or "appid" not in claims or claims["aud"] == PARTNER_CENTER:
        return graph_error(401, "InvalidAuthenticationToken", "Access token is missing, expired or not ours.")
    strikes = tenant.fault_strikes()
    tenant.requested.append(f"{request.method} {request.url.path}?{request.url.query}".rstrip("?"))
    await _latency(tenant)
    fault = await _fault(tenant.control) if strikes else None
    if fault is not None:
        return fault
    permits = _access(claims)
    version = request.url.path.split("/")[1]
    call = Call(request, tenants, tenant, path, await request.body(), version=version)
    if path == batch.PATH:
        return batch.respond(call, lambda batched: _answer(batched, permits))
    return _answer(call, permits)


def _access(claims: dict[str, Any]) -> Callable[[Route], bool]:
    """The routes that the token permits: that of a person by its scopes, that of an application by its roles."""
    if "scp" in claims:
        return lambda route: delegated_access.permits(route, claims)
    return lambda route: route.permits(frozenset(claims.get("roles", ())))


def _answer(call: Call, permits: Callable[[Route], bool]) -> Response[Any]:
    return call.tenant.throttle.refuse(call.path, call.tenant.control) or dispatch(ROUTES, call, permits)


async def _latency(tenant: Tenant | None) -> None:
    """Take the time that every answer of this tenant takes."""
    if tenant is not None and (tenant.control.latency_ms or tenant.control.latency_jitter_ms):
        jitter = random.uniform(-1, 1) * tenant.control.latency_jitter_ms  # noqa: S311 - no secret
        await asyncio.sleep(max(0.0, tenant.control.latency_ms + jitter) / 1000)


async def _fault(control: Control) -> Response[Any] | None:
    retry_after = "1" if control.retry_after is None else f"{control.retry_after:g}"
    if control.behaviour is Behaviour.THROTTLING:
        text = "Too many requests. Please wait and try again."
        headers = {} if control.without_retry_after else {"Retry-After": retry_after}
        return graph_error(429, "TooManyRequests", text, headers)
    if control.behaviour is Behaviour.FAILING:
        headers = {} if control.retry_after is None else {"Retry-After": retry_after}
        return graph_error(control.status, "ServiceUnavailable", "The service is unavailable.", headers)
    if control.behaviour is Behaviour.SLOW:
        await asyncio.sleep(control.delay_seconds)
    return None
