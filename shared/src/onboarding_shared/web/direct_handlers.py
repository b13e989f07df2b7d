"""Handlers that are called without Litestar's machinery for requests, which takes a hundred function calls for each.

What that looks up for every request is looked up here once, when the application is built. A handler that needs more of
Litestar than is known here has no direct handler: Litestar calls it.
"""

import inspect
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple, TypedDict

import msgspec
from litestar import Response
from litestar.enums import MediaType
from litestar.handlers import HTTPRouteHandler
from litestar.routes import HTTPRoute
from litestar.serialization import get_serializer
from litestar.types import ASGIApp, HTTPScope, Receive, Send
from litestar.utils.scope.state import ScopeState
from msgspec import Struct
from structlog.contextvars import bind_contextvars

from onboarding_shared.web.identity import Caller, RequiresPermission, authorize, tenant_not_found
from onboarding_shared.web.request_body import JsonRequest, decode_body, read_body
from onboarding_shared.web.responses import JsonResponse
from onboarding_shared.web.route_rules import TENANT, RouteFacts, check_body_presence

CALLER = "caller"
"""The one dependency that handlers may have."""
_RESERVED = frozenset({"body", "cookies", "headers", "query", "scope", "socket", "state"})
"""Arguments by which Litestar hands over a part of the request. Only ``data`` and ``request`` are known here."""
_PLAIN_RESPONSES = (JsonResponse, Response)
_CONTENT_HEADERS = frozenset({"content-length", "content-type"})
_typed_dict: Any = TypedDict
"""As a function, whose result type checkers do not have to know."""


class PlainAnswer(NamedTuple):
    """A JSON answer that is complete."""

    status: int
    headers: list[tuple[bytes, bytes]]
    body: bytes


class DirectHandler(Struct, frozen=True, kw_only=True):
    """A handler of one tenant's things, and what it takes from a request.

    ``argument_types`` are those of its arguments in path and headers; ``headers`` maps the names of headers, in lower
    case, to arguments.
    """

    handler: HTTPRouteHandler
    function: Callable[..., Any]
    is_async: bool
    status: int
    encoder: msgspec.json.Encoder
    facts: RouteFacts
    permission: str | None
    argument_types: Any
    headers: Mapping[bytes, str]
    body_type: Any
    takes_caller: bool
    takes_request: bool

    def arguments_of(self, scope: HTTPScope, path_parameters: Mapping[str, Any]) -> dict[str, Any] | None:
        """The arguments in path and headers; None if one of them is not valid."""
        given = {**path_parameters}
        if self.headers:
            for name, value in scope["headers"]:
                if name in self.headers:
                    given.setdefault(self.headers[name], value.decode("latin-1"))
        try:
            return msgspec.convert(given, self.argument_types, strict=False)
        except msgspec.ValidationError:
            return None

    async def answer(
        self, scope: HTTPScope, receive: Receive, send: Send, arguments: dict[str, Any], *, has_body: bool
    ) -> None:
        """Check the request as route rules and guards do, in their order; then call the handler and send its answer.

        Raises ``Problem``, and whatever the handler raises.
        """
        caller: Caller = scope["user"]
        tenant_id = int(scope["path_params"][TENANT])
        permissions = caller.permissions.get(tenant_id)
        if permissions is None:
            raise tenant_not_found()
        bind_contextvars(tenant_id=tenant_id)
        body = await read_body(scope, receive) if has_body else b""
        if body or self.facts.needs_body:
            check_body_presence(body, self.facts)
        if self.permission is not None and self.permission not in permissions:
            authorize(caller, tenant_id, self.permission)
        if body and self.facts.takes_body:
            arguments["data"] = decode_body(body, self.body_type)
        if self.takes_caller:
            arguments[CALLER] = caller
        if self.takes_request:
            ScopeState.from_scope(scope).body = body
            arguments["request"] = JsonRequest(scope, receive, send)
        content = self.function(**arguments)
        if self.is_async:
            content = await content
        plain = _plain_answer(content, self.status, self.encoder)
        if plain is None:
            request = JsonRequest(scope, receive, send)
            response = await self.handler.to_response(app=scope["litestar_app"], data=content, request=request)
            await response(scope, receive, send)
            return
        await send({"type": "http.response.start", "status": plain.status, "headers": plain.headers})
        await send({"type": "http.response.body", "body": plain.body, "more_body": False})


def _plain_answer(content: Any, status: int, encoder: msgspec.json.Encoder) -> PlainAnswer | None:
    """The answer with what a handler returned; None if it is anything but JSON with a status and headers."""
    headers: list[tuple[bytes, bytes]] = []
    if isinstance(content, Response):
        if (
            type(content) not in _PLAIN_RESPONSES
            or content.media_type not in (None, MediaType.JSON)
            or content.cookies
            or content.background is not None
            or content.response_type_encoders
        ):
            return None
        status = content.status_code or status
        for name, value in content.headers.items():
            if name.lower() in _CONTENT_HEADERS:
                return None
            headers.append((name.lower().encode("latin-1"), value.encode("latin-1")))
        content = content.content
    if status < 200 or status in (204, 304) or isinstance(content, str):
        return None
    body = content if isinstance(content, bytes) else encoder.encode(content)
    headers += [(b"content-type", b"application/json"), (b"content-length", str(len(body)).encode("ascii"))]
    return PlainAnswer(status, headers, body)


def direct_handler(route: HTTPRoute, method: Any, facts: Mapping[int, RouteFacts]) -> DirectHandler | None:
    """The direct handler for a method of a route; None if it needs more of Litestar than is known here."""
    handler, model = route.route_handler_map[method]
    if not (_has_plain_answers(handler) and _has_known_arguments(route, handler, model)):
        return None
    guards = handler.resolve_guards()
    guard: Any = guards[0] if guards else None
    if len(guards) > 1 or not isinstance(guard, RequiresPermission | None):
        return None
    arguments = [*model.expected_path_params, *model.expected_header_params]
    annotations = handler.signature_model.__annotations__
    types = {argument.field_name: annotations[argument.field_name] for argument in arguments}
    body = handler.parsed_data_field
    return DirectHandler(
        handler=handler,
        function=handler.fn,
        is_async=not handler.has_sync_callable,
        status=handler.status_code,
        encoder=msgspec.json.Encoder(enc_hook=get_serializer(handler.resolve_type_encoders())),
        facts=facts[id(handler)],
        permission=None if guard is None else guard.permission,
        argument_types=_typed_dict("Arguments", types, total=False),
        headers={header.field_alias.lower().encode(): header.field_name for header in model.expected_header_params},
        body_type=None if body is None else body.annotation,
        takes_caller=CALLER in handler.parsed_fn_signature.parameters,
        takes_request="request" in handler.parsed_fn_signature.parameters,
    )


def _has_known_arguments(route: HTTPRoute, handler: HTTPRouteHandler, model: Any) -> bool:
    fields = handler.parsed_fn_signature.parameters
    parameters = inspect.signature(handler.fn).parameters.values()
    with_default = {parameter.name for parameter in parameters if parameter.default is not inspect.Parameter.empty}
    optional = {parameter.field_name for parameter in (*model.expected_header_params, *model.expected_query_params)}
    in_path = {parameter.field_name for parameter in model.expected_path_params}
    body = handler.parsed_data_field
    return (
        TENANT in in_path
        and in_path == set(route.path_parameters)
        and all(parameter.type in (int, str) for parameter in route.path_parameters.values())
        and optional <= with_default
        and all(fields[header.field_name].annotation in (str, str | None) for header in model.expected_header_params)
        and not (fields.keys() & _RESERVED)
        and fields.keys() & handler.resolve_dependencies().keys() <= {CALLER}
        and not (model.expected_cookie_params or model.expected_form_data or model.expected_msgpack_data)
        and model.expected_data_dto is None
        and (body is None or body.has_default or not body.is_optional)
    )


def _has_plain_answers(handler: HTTPRouteHandler) -> bool:
    returned = handler.parsed_fn_signature.return_type.annotation
    hooks = [
        getattr(layer, hook, None)
        for layer in handler.ownership_layers
        for hook in ("before_request", "after_request", "after_response", "response_class")
    ]
    return (
        not any(hooks)
        and not handler.cache
        and handler.background is None
        and handler.media_type in ("", MediaType.JSON)
        and handler.resolve_return_dto() is None
        and len(handler.resolve_middleware()) == 1
        and handler.resolve_request_class() is JsonRequest
        and not handler.resolve_response_cookies()
        and all(header.documentation_only for header in handler.resolve_response_headers())
        and returned is not ASGIApp
    )
