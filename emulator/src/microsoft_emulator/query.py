"""OData query options: those that a path supports, and their effect on its response."""

import re
from typing import Any

import msgspec
from litestar import Request, Response

from microsoft_emulator.graph_types import GRAPH_TYPES
from microsoft_emulator.replies import graph_error

MAX_VALUES = 15
"""The number of values that an ``in`` filter may have."""

_IN = re.compile(r"([\w/]+) in \(('[^']*'(?:,\s*'[^']*')*)\)\Z")
_EQUAL = re.compile(r"([\w/]+) eq '([^']*)'\Z")
_FLAG = re.compile(r"([\w/]+) eq (true|false)\Z")

AnyRequest = Request[Any, Any, Any]


class Query(msgspec.Struct, frozen=True, kw_only=True):
    """The query options of a path.

    ``type`` is the type whose properties ``$select`` may name. ``filters`` are clauses such as "id in"; ``expands``
    the properties that are sent only if expanded; ``default`` those sent without ``$select`` (empty = all).
    ``max_top`` 0 = neither ``$top`` nor ``$count``. ``cast``: requires ``ConsistencyLevel`` and ``$count``.
    """

    type: str = ""
    filters: frozenset[str] = frozenset()
    expands: frozenset[str] = frozenset()
    default: frozenset[str] = frozenset()
    max_top: int = 0
    cast: bool = False


class Clause(msgspec.Struct, frozen=True):
    """One condition of ``$filter``."""

    name: str
    operator: str
    values: tuple[Any, ...]

    def matches(self, item: Any, lenient: bool) -> bool:
        """True if the item has one of the values.

        ``lenient``: an item without the property, or with an empty or wrong one, matches too: tests create such items
        by ``overrides``.
        """
        for name in self.name.split("/"):
            item = item.get(name) if isinstance(item, dict) else None
        return item in self.values or (lenient and (item == "" or not isinstance(item, type(self.values[0]))))


def clauses(request: AnyRequest) -> list[Clause] | None:
    """The conditions of ``$filter``; None if it has another form."""
    text = request.query_params.get("$filter", "")
    read = [_clause(part.strip()) for part in text.split(" and ")] if text else []
    valid = [clause for clause in read if clause is not None]
    return valid if len(valid) == len(read) else None


def _clause(text: str) -> Clause | None:
    if flag := _FLAG.match(text):
        return Clause(flag.group(1), "eq", (flag.group(2) == "true",))
    if equal := _EQUAL.match(text):
        return Clause(equal.group(1), "eq", (equal.group(2),))
    if contained := _IN.match(text):
        return Clause(contained.group(1), "in", tuple(re.findall(r"'([^']*)'", contained.group(2))))
    return None


def problem(request: AnyRequest, query: Query) -> Response[Any] | None:
    """The response to a request with query options that the path does not support; None if it supports all."""
    given = {name for name in request.query_params if name.startswith("$")}
    return (
        _unknown_option(given, query)
        or _wrong_filter(request, query)
        or _wrong_names(request, query)
        or _wrong_top(request, query)
        or _wrong_cast(request, query)
    )


def _unknown_option(given: set[str], query: Query) -> Response[Any] | None:
    supported = {"$skiptoken", *(["$select"] if query.type else []), *(["$expand"] if query.expands else [])}
    supported |= {"$filter"} if query.filters else set()
    supported |= {"$top", "$count"} if query.max_top else set()
    if strange := sorted(given - supported):
        return _bad_request(f"The query option {strange[0]} is not supported for this resource.")
    return None


def _wrong_filter(request: AnyRequest, query: Query) -> Response[Any] | None:
    wanted = clauses(request)
    if wanted is None or any(f"{clause.name} {clause.operator}" not in query.filters for clause in wanted):
        return _unsupported("The filter clause is invalid or not supported for this resource.")
    if any(len(clause.values) > MAX_VALUES for clause in wanted):
        return _unsupported(f"A filter may have at most {MAX_VALUES} values.")
    return None


def _wrong_names(request: AnyRequest, query: Query) -> Response[Any] | None:
    properties = GRAPH_TYPES.types.get(query.type, {})
    if strange := sorted(_names(request, "$select") - properties.keys()):
        return _bad_request(f"There is no property '{strange[0]}' on the type '{query.type}'.")
    if strange := sorted(_names(request, "$expand") - query.expands):
        return _bad_request(f"The property '{strange[0]}' on the type '{query.type}' cannot be expanded.")
    return None


def _wrong_top(request: AnyRequest, query: Query) -> Response[Any] | None:
    top = request.query_params.get("$top")
    if top is not None and not (top.isdecimal() and 1 <= int(top) <= query.max_top):
        return _bad_request(f"$top must be between 1 and {query.max_top}.")
    if request.query_params.get("$count", "true") not in ("true", "false"):
        return _bad_request("$count must be true or false.")
    return None


def _wrong_cast(request: AnyRequest, query: Query) -> Response[Any] | None:
    if not query.cast or (eventual(request) and request.query_params.get("$count") == "true"):
        return None
    return _unsupported("This request requires the header ConsistencyLevel: eventual, and $count=true.")


def eventual(request: AnyRequest) -> bool:
    """True if the request accepts eventual consistency."""
    return str(request.headers.get("consistencylevel", "")).lower() == "eventual"


def _names(request: AnyRequest, option: str) -> set[str]:
    return {name.strip() for name in request.query_params.get(option, "").split(",") if name.strip()}


def filtered(request: AnyRequest, items: list[Any], lenient: bool) -> list[Any]:
    """The items that ``$filter`` names."""
    return [item for item in items if all(clause.matches(item, lenient) for clause in clauses(request) or ())]


def shaped(request: AnyRequest, query: Query, item: Any) -> Any:
    """The item with the selected and expanded properties only; ``@odata`` annotations stay."""
    if not isinstance(item, dict):
        return item
    expanded, selected = _names(request, "$expand"), _names(request, "$select") or query.default
    hidden = query.expands - expanded
    return {
        name: value
        for name, value in item.items()
        if name.startswith("@") or (name not in hidden and (not selected or name in selected or name in expanded))
    }


def _bad_request(text: str) -> Response[Any]:
    return graph_error(400, "Request_BadRequest", text)


def _unsupported(text: str) -> Response[Any]:
    return graph_error(400, "Request_UnsupportedQuery", text)
