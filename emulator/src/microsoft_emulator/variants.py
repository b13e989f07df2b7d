"""A variant of each response: one more item whose nullable properties are null."""

from typing import Any

from microsoft_emulator.graph_types import GRAPH_TYPES

KEPT = frozenset({"id", "principalId", "roleDefinitionId", "appId", "userPrincipalName", "customer"})
"""Properties by which an item is found, never null."""


def with_nulls(type_name: str, content: Any, new_id: str) -> Any:
    """A collection with one more item, or an object, whose nullable properties are null."""
    if type_name not in GRAPH_TYPES.types:
        return content
    if isinstance(content, list):
        return [*content, {**_nulled(type_name, content[-1]), "id": new_id}] if content else content
    return _nulled(type_name, content)


def _nulled(type_name: str, item: dict[str, Any]) -> dict[str, Any]:
    kinds = GRAPH_TYPES.types[type_name]
    return {name: _null(kinds.get(name, ""), value) if name not in KEPT else value for name, value in item.items()}


def _null(kind: str, value: Any) -> Any:
    if kind.endswith("?"):
        return None
    name = kind.removeprefix("[]")
    if name not in GRAPH_TYPES.types:
        return value
    return [_nulled(name, item) for item in value] if isinstance(value, list) else _nulled(name, value)
