"""The rules every routed request is held to before its handler sees it: ids, tenant, query names and body."""

from collections.abc import Mapping
from functools import lru_cache
from typing import Annotated, Any
from urllib.parse import parse_qsl

import msgspec
from litestar import Litestar
from litestar.handlers import HTTPRouteHandler
from litestar.routes import HTTPRoute
from litestar.types import ASGIApp, HTTPScope, Receive, Scope, Send
from litestar.typing import FieldDefinition
from litestar.utils.scope.state import ScopeState
from msgspec import Struct
from structlog.contextvars import bind_contextvars

from onboarding_shared.contracts.types import MAX_ID
from onboarding_shared.web.errors import BadRequest, NotFound
from onboarding_shared.web.identity import tenant_not_found
from onboarding_shared.web.openapi_page import SCHEMA_CATCH_ALL
from onboarding_shared.web.request_body import read_body, replay

ANY_QUERY = "any_query"
"""Option of a handler that reads the query itself, because strangers write it: its parameters are not checked."""
TENANT = "tenant_id"
"""The path parameter that names a tenant. A caller whose token lacks that tenant gets no further."""


class RouteFacts(Struct, frozen=True):
    """The request that a handler declares. ``query`` has its parameters with their types.

    ``allow`` lists the methods of its path.
    """

    query: Mapping[str, Any]
    repeatable: frozenset[str]
    takes_body: bool
    needs_body: bool
    any_query: bool
    allow: bytes


def facts_of(app: Litestar) -> dict[int, RouteFacts]:
    """The facts of every HTTP handler of an application, by the identity of the handler."""
    return {
        id(handler): _facts(handler, model, ", ".join(sorted(route.methods)).encode())
        for route in app.routes
        if isinstance(route, HTTPRoute)
        for handler, model in route.route_handler_map.values()
    }


def _facts(handler: HTTPRouteHandler, model: Any, allow: bytes) -> RouteFacts:
    body = handler.parsed_data_field
    signatures = [handler.parsed_fn_signature]
    signatures += [provider.parsed_fn_signature for provider in handler.resolve_dependencies().values()]
    fields = {name: field for signature in signatures for name, field in signature.parameters.items()}
    return RouteFacts(
        query={
            parameter.field_alias: _plain_type(fields[parameter.field_name])
            for parameter in model.expected_query_params
        },
        repeatable=frozenset(model.sequence_query_parameter_names),
        takes_body=body is not None,
        needs_body=body is not None and not body.is_optional and not body.has_default,
        any_query=bool(handler.opt.get(ANY_QUERY)),
        allow=allow,
    )


def _plain_type(field: FieldDefinition) -> Any:
    # The marker of Litestar stays out: msgspec would hash it at each use, which costs more than the whole request.
    bounds = [note for note in field.metadata if isinstance(note, msgspec.Meta)]
    return Annotated[(field.annotation, *bounds)] if bounds else field.annotation


class RouteRules:
    """ASGI middleware that Litestar runs after routing; ``facts`` is filled when the application is complete."""

    def __init__(self, app: ASGIApp, facts: dict[int, RouteFacts]) -> None:
        self._app = app
        self._facts = facts

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        if scope["path_params"]:
            if scope["path_template"] == SCHEMA_CATCH_ALL:
                raise NotFound("ROUTE_NOT_FOUND", "There is nothing at this path")
            check_path_ids(scope)
        facts = self._facts.get(id(scope["route_handler"]))
        if facts is not None:
            if scope["method"] == "OPTIONS":
                await _options(facts.allow, send)
                return
            if scope["query_string"] and not facts.any_query:
                check_query(scope["query_string"], facts)
            body = await read_body(scope, receive)
            check_body_presence(body, facts)
            ScopeState.from_scope(scope).body = body
            receive = replay(body, receive)
        await self._app(scope, receive, send)


async def _options(allow: bytes, send: Send) -> None:
    """Litestar's own answer knows only the first handler of a path."""
    await send({"type": "http.response.start", "status": 204, "headers": [(b"allow", allow)]})
    await send({"type": "http.response.body", "body": b"", "more_body": False})


@lru_cache(maxsize=512)
def _places(path_template: str) -> Mapping[str, int]:
    """The index of each parameter's segment in a path of this template."""
    return {part[1:-1]: place for place, part in enumerate(path_template.split("/")) if part.startswith("{")}


def check_path_ids(scope: HTTPScope) -> None:
    """Raises for ids out of range or oddly written (``+1``, ``007``, ``1_0``), and for a tenant not the caller's.

    All are 404: an integer that cannot be an id names nothing that exists, and the contract calls every integer valid.
    """
    parameters: dict[str, Any] = scope["path_params"]
    segments = scope["path"].split("/")
    places = _places(scope["path_template"])
    for name, value in parameters.items():
        if isinstance(value, int) and not (1 <= value <= MAX_ID and segments[places[name]] == str(value)):
            raise NotFound("INVALID_PATH_ID", f"The {name} in the path is not a valid id", extra={"field": name})
    tenant_id = parameters.get(TENANT)
    if isinstance(tenant_id, int):
        caller = scope.get("user")
        if caller is not None and not caller.knows(tenant_id):
            raise tenant_not_found()
        bind_contextvars(tenant_id=tenant_id)


def check_query(query: bytes, facts: RouteFacts) -> None:
    """Raises for a parameter the route does not declare, one given twice that takes one value, and a wrong value.

    The values are checked here because Litestar ignores bounds that a type such as ``Id`` brings along.
    """
    given: dict[str, list[str]] = {}
    for name, value in parse_qsl(query.decode("latin-1"), keep_blank_values=True):
        if name not in facts.query:
            raise BadRequest("UNKNOWN_PARAMETER", f"There is no query parameter {name!r} here", extra={"field": name})
        given.setdefault(name, []).append(value)
    for name, values in given.items():
        repeatable = name in facts.repeatable
        if len(values) > 1 and not repeatable:
            raise BadRequest("REPEATED_PARAMETER", f"The query parameter {name} is given twice", extra={"field": name})
        try:
            msgspec.convert(values if repeatable else values[0], facts.query[name], strict=False)
        except msgspec.ValidationError as error:
            said = str(error).partition(" - at `")[0]
            raise BadRequest("INVALID_PARAMETER", f"{name}: {said}", extra={"field": name}) from error


def check_body_presence(body: bytes, facts: RouteFacts) -> None:
    """Raises when a body is missing, or is there and not just ``{}`` where the operation takes none."""
    if facts.needs_body and not body.strip():
        raise BadRequest("EMPTY_BODY", "The request needs a body")
    if body and not facts.takes_body and body.strip() != b"{}":
        raise BadRequest("BODY_NOT_EXPECTED", "This operation takes no body")
