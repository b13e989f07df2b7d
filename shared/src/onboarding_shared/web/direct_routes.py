"""Finds the direct handler of a request. What is not plain about it is left to Litestar, which knows every refusal."""

import re
from collections.abc import Mapping
from typing import Any, NamedTuple

from litestar import Litestar
from litestar.routes import HTTPRoute
from litestar.types import HTTPScope
from litestar.types.internal_types import PathParameterDefinition

from onboarding_shared.contracts.types import MAX_ID
from onboarding_shared.web.direct_handlers import DirectHandler, direct_handler
from onboarding_shared.web.route_rules import RouteFacts

_ID = re.compile(r"[1-9][0-9]{0,18}\Z")


class _Node:
    """A segment of paths: what follows it, and the handlers of the path that ends with it, by method."""

    def __init__(self) -> None:
        self.fixed: dict[str, _Node] = {}
        self.parameter: _Node | None = None
        self.handlers: dict[str, _Place] = {}


class _Place(NamedTuple):
    """A handler at a path, whose parameters are named here in order, with their types."""

    handler: DirectHandler
    path_template: str
    parameters: tuple[tuple[str, type], ...]


class DirectCall(NamedTuple):
    """A handler with its arguments in path and headers."""

    handler: DirectHandler
    arguments: dict[str, Any]


class DirectRoutes:
    """The direct handlers of an application."""

    def __init__(self, app: Litestar, facts: Mapping[int, RouteFacts]) -> None:
        self._app = app
        self._root = _Node()
        for route in app.routes:
            if isinstance(route, HTTPRoute):
                self._add(route, facts)

    def _add(self, route: HTTPRoute, facts: Mapping[int, RouteFacts]) -> None:
        """Add a route. Those without direct handlers take part too: a fixed segment goes before a parameter."""
        node = self._root
        for component in route.path_components:
            if isinstance(component, PathParameterDefinition):
                node.parameter = node.parameter or _Node()
                node = node.parameter
            else:
                node = node.fixed.setdefault(component, _Node())
        parameters = tuple((name, definition.type) for name, definition in route.path_parameters.items())
        for method in route.route_handler_map:
            if (handler := direct_handler(route, method, facts)) is not None:
                node.handlers[method] = _Place(handler, route.path_format, parameters)

    def find(self, scope: HTTPScope) -> DirectCall | None:
        """The handler of an authenticated request, which is noted in the scope as Litestar would; None = not plain."""
        if scope["query_string"] or scope.get("root_path") or "user" not in scope:
            return None
        node = self._root
        texts: list[str] = []
        for segment in scope["path"].split("/")[1:]:
            following = node.fixed.get(segment)
            if following is None:
                following = node.parameter
                texts.append(segment)
            if following is None or not segment:
                return None
            node = following
        place = node.handlers.get(scope["method"])
        if place is None:
            return None
        parameters: dict[str, Any] = {}
        for (name, kind), text in zip(place.parameters, texts, strict=True):
            if kind is int:
                if not _ID.match(text) or (number := int(text)) > MAX_ID:
                    return None
                parameters[name] = number
            else:
                parameters[name] = text
        arguments = place.handler.arguments_of(scope, parameters)
        if arguments is None:
            return None
        scope["path_params"], scope["path_template"] = parameters, place.path_template
        scope["route_handler"] = place.handler.handler
        scope["app"] = scope["litestar_app"] = self._app
        return DirectCall(place.handler, arguments)
