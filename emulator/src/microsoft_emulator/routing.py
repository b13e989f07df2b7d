"""Routes of Graph: path and verb, sufficient permissions, query options, licence, and the function that responds."""

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from functools import cache
from typing import Any

import msgspec
from litestar import Request, Response

from microsoft_emulator import query as odata
from microsoft_emulator.behaviour import Fixture, Premium
from microsoft_emulator.query import Query
from microsoft_emulator.replies import graph_error, page, reply
from microsoft_emulator.tenants import Tenant, Tenants
from microsoft_emulator.variants import with_nulls

V1, BETA = "v1.0", "beta"
Permissions = tuple[frozenset[str], ...]


@dataclass(frozen=True)
class Call:
    """A request with a valid token: the tenant of the token, version and path of the API, and what it contains."""

    request: Request[Any, Any, Any]
    tenants: Tenants
    tenant: Tenant
    path: str
    body: bytes = b""
    arguments: dict[str, str] = field(default_factory=dict)
    version: str = V1

    def json(self) -> dict[str, Any] | None:
        """The body; None if it is no JSON object."""
        try:
            return msgspec.json.decode(self.body, type=dict[str, Any])
        except msgspec.DecodeError:
            return None

    def override(self) -> str | None:
        """The name in ``overrides`` of what replaces the response; None = nothing does."""
        verb = "" if self.request.method == "GET" else f"{self.request.method} "
        names = (f"{verb}/{self.version}{self.path}", f"{verb}{self.path}")
        return next((name for name in names if name in self.tenant.control.overrides), None)

    def written(self) -> dict[str, Any]:
        """The record of a write."""
        return {
            "method": self.request.method,
            "version": self.version,
            "path": self.path,
            "if_match": self.request.headers.get("if-match"),
            "body": self.json(),
        }

    def filter_of(self, name: str) -> str | None:
        """The value that ``$filter`` requires of a property."""
        matching = [clause for clause in odata.clauses(self.request) or () if clause.name == name]
        return str(matching[0].values[0]) if matching else None


Answer = Callable[[Call], Any]
"""Returns the items of a collection, an object, or a response."""


class Route(msgspec.Struct, frozen=True):
    """A path and verb of Graph. Each of ``permissions`` is a sufficient set of permissions.

    ``premium`` is the required licence, if any; ``{name}`` in ``path`` stands for a part of a path. ``versions`` are
    those of the API.
    """

    method: str
    path: str
    answer: Answer
    permissions: Permissions
    query: Query = Query()
    premium: Premium | None = None
    versions: tuple[str, ...] = (V1,)

    def match(self, path: str) -> dict[str, str] | None:
        """The variable parts of a path; None if it is another path."""
        matched = _pattern(self.path).fullmatch(path)
        return matched.groupdict() if matched else None

    def permits(self, roles: frozenset[str]) -> bool:
        """True if a token with these roles may use it."""
        return any(sufficient <= roles for sufficient in self.permissions)


@cache
def _pattern(path: str) -> re.Pattern[str]:
    parts = re.split(r"\{(\w+)\}", path)
    text = "".join(re.escape(part) if index % 2 == 0 else f"(?P<{part}>[^/']+)" for index, part in enumerate(parts))
    return re.compile(text)


def any_of(*names: str) -> Permissions:
    """Each of the permissions is sufficient."""
    return tuple(frozenset({name}) for name in names)


def dispatch(routes: Sequence[Route], call: Call, permits: Callable[[Route], bool]) -> Response[Any]:
    """Respond to a request by the route of its path and verb, if the token ``permits`` it."""
    if call.request.method != "GET":
        call.tenant.written.append(call.written())
    of_version = [route for route in routes if call.version in route.versions]
    of_path = [(route, arguments) for route in of_version if (arguments := route.match(call.path)) is not None]
    mine = [(route, arguments) for route, arguments in of_path if route.method == call.request.method]
    if not mine and (key := call.override()) is not None:
        return sent(call, Query(), call.tenant.control.overrides[key], overridden=True)
    if not of_path:
        return graph_error(404, "ResourceNotFound", f"Resource not of_path for the segment '{call.path}'.")
    if not mine:
        return graph_error(405, "Request_BadRequest", "The HTTP method is not allowed for this resource.")
    route, arguments = mine[0]
    if not permits(route):
        return forbidden()
    if (refused := odata.problem(call.request, route.query)) is not None:
        return refused
    named = replace(call, arguments=arguments)
    if (key := call.override()) is not None:
        return sent(named, route.query, call.tenant.control.overrides[key], overridden=True)
    if call.tenant.control.lacks(route.premium):
        return _no_licence(route.premium)
    content = route.answer(named)
    if call.tenant.control.has(Fixture.NULL_FIELDS) and not isinstance(content, Response):
        content = with_nulls(route.query.type, content, call.tenant.id_of(f"null/{call.path}"))
    return sent(named, route.query, content, overridden=False)


def sent(call: Call, query: Query, content: Any, *, overridden: bool) -> Response[Any]:
    """The response with this content; an overridden object is sent unchanged."""
    if isinstance(content, Response):
        return content
    if overridden and content is None:
        return reply(None, 204)
    if not isinstance(content, list):
        return reply(content if overridden else odata.shaped(call.request, query, content))
    items = [odata.shaped(call.request, query, item) for item in odata.filtered(call.request, content, overridden)]
    return page(call.request, items, call.tenant.control.page_size, counted=odata.eventual(call.request))


def forbidden() -> Response[Any]:
    """The response to a token without the required permissions."""
    return graph_error(403, "Authorization_RequestDenied", "Insufficient privileges to complete the operation.")


def not_found(object_id: str) -> Response[Any]:
    """The response to a request for an object that does not exist or is not visible yet."""
    return graph_error(404, "Request_ResourceNotFound", f"Resource '{object_id}' does not exist.")


def bad_request(text: str) -> Response[Any]:
    """The response to a request with a wrong body."""
    return graph_error(400, "Request_BadRequest", text)


def _no_licence(kind: Premium | None) -> Response[Any]:
    if kind is Premium.PIM:
        text = "The tenant needs to have Microsoft Entra ID P2 or Microsoft Entra ID Governance license."
        return graph_error(400, "AadPremiumLicenseRequired", text)
    text = "Neither tenant is B2C or tenant doesn't have premium license"
    return graph_error(403, "Authentication_RequestFromNonPremiumTenantOrB2CTenant", text)
