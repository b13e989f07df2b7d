"""The bounds of a run's inputs and of the JSON Schema that declares them.

The schema of a task type comes from a message. It may use the vocabulary of msgspec's schemas only, refer to nothing
outside itself, and not contain itself: so the work of checking inputs against it is bounded.
"""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import msgspec

from onboarding_shared.contracts.types import MAX_ID, is_visible

MAX_INPUTS_BYTES = 16 * 1024
MAX_INPUTS_DEPTH = 8
MAX_SCHEMA_BYTES = 16 * 1024
MAX_SCHEMA_DEPTH = 24
MAX_REFERENCE_DEPTH = 100
MAX_SCHEMA_PARTS = 1000
"""Maximum number of subschemas, where each reference counts as a copy of the schema that it names."""

_REFERENCE = "#/$defs/"
_OF_NAMES = ("properties", "$defs")
_OF_LISTS = ("prefixItems", "anyOf")
_OF_ONE = ("items", "additionalProperties", "propertyNames")
_PLAIN = frozenset(
    {
        "$ref", "type", "title", "description", "default", "examples", "deprecated", "format", "contentEncoding",
        "discriminator", "enum", "const", "minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum", "multipleOf",
        "minLength", "maxLength", "pattern", "minItems", "maxItems", "required", "minProperties", "maxProperties",
    }
)  # fmt: skip
_VOCABULARY = _PLAIN.union(_OF_NAMES, _OF_LISTS, _OF_ONE)


@dataclass(frozen=True, slots=True)
class InputsDefect:
    """The bound that inputs exceed: ``rule`` is ``maxBytes``, ``maxDepth`` or ``maximum``."""

    rule: str
    message: str


def canonical(inputs: Mapping[str, Any] | None) -> str:
    """Equal for equal inputs; no inputs are the same as an empty object."""
    return json.dumps(inputs, sort_keys=True, ensure_ascii=False) if inputs else "{}"


def inputs_defect(inputs: Mapping[str, Any]) -> InputsDefect | None:
    """The bound that these inputs exceed, None if they exceed none."""
    if _deeper_than(inputs, MAX_INPUTS_DEPTH):
        return InputsDefect("maxDepth", f"The inputs are nested deeper than {MAX_INPUTS_DEPTH} levels")
    if len(msgspec.json.encode(inputs)) > MAX_INPUTS_BYTES:
        return InputsDefect("maxBytes", f"The inputs are larger than {MAX_INPUTS_BYTES} bytes")
    if not _within_64_bits(inputs):
        return InputsDefect("maximum", "The inputs contain an integer outside 64 bits")
    return None


def hidden_text(value: object, path: tuple[str, ...] = ()) -> tuple[str, ...] | None:
    """The path to the first text that breaks the rule of ``VISIBLE_PATTERN``, None if all keep it.

    A name that breaks it is not repeated: the path is the one of its object.
    """
    if isinstance(value, str):
        return None if is_visible(value) else path
    if isinstance(value, Mapping):
        if not all(is_visible(name) for name in value):
            return path
        hidden = (hidden_text(item, (*path, name)) for name, item in value.items())
    elif isinstance(value, list):
        hidden = (hidden_text(item, (*path, str(place))) for place, item in enumerate(value))
    else:
        return None
    return next((inner for inner in hidden if inner is not None), None)


def schema_defect(schema: Mapping[str, Any]) -> str | None:
    """Return the defect that makes a schema unusable for inputs, or None."""
    if _deeper_than(schema, MAX_SCHEMA_DEPTH):
        return f"it is nested deeper than {MAX_SCHEMA_DEPTH} levels"
    if len(msgspec.json.encode(schema)) > MAX_SCHEMA_BYTES:
        return f"it is larger than {MAX_SCHEMA_BYTES} bytes"
    try:
        parts = _Parts(schema).of(schema)
    except _UnusableSchema as error:
        return str(error)
    return f"it has more than {MAX_SCHEMA_PARTS} parts" if parts > MAX_SCHEMA_PARTS else None


def subschemas(schema: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    """The schema and every schema in it, its definitions included; references are not followed."""
    yield schema
    for child in _children(schema):
        yield from subschemas(child)


class _UnusableSchema(Exception):
    """The schema has a part that is refused."""


class _Parts:
    """Counts the subschemas of one schema, with those that are referred to."""

    def __init__(self, root: Mapping[str, Any]) -> None:
        definitions = root.get("$defs", {})
        self._root = root
        self._definitions: Mapping[str, Any] = definitions if isinstance(definitions, Mapping) else {}
        self._counted: dict[str, int | None] = {}

    def of(self, schema: Mapping[str, Any], depth: int = 0) -> int:
        """Raises ``_UnusableSchema`` for a part that is refused."""
        if depth > MAX_REFERENCE_DEPTH:
            raise _UnusableSchema(f"it is nested deeper than {MAX_REFERENCE_DEPTH} levels with its references")
        unknown = sorted(schema.keys() - _VOCABULARY)
        if unknown:
            raise _UnusableSchema(f"it uses {unknown[0][:100]!r}, which is not supported")
        if "$defs" in schema and schema is not self._root:
            raise _UnusableSchema("it has definitions that are not at its beginning")
        count = 1 + sum(self.of(child, depth + 1) for child in _children(schema))
        return count + (self._referred(schema["$ref"], depth) if "$ref" in schema else 0)

    def _referred(self, reference: object, depth: int) -> int:
        name = reference.removeprefix(_REFERENCE) if isinstance(reference, str) else ""
        if reference != f"{_REFERENCE}{name}" or not isinstance(self._definitions.get(name), Mapping):
            raise _UnusableSchema("it refers to something other than its own definitions")
        if name not in self._counted:
            self._counted[name] = None
            self._counted[name] = self.of(self._definitions[name], depth + 1)
        count = self._counted[name]
        if count is None:
            raise _UnusableSchema(f"its definition {name[:100]!r} contains itself")
        return count


def _children(schema: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    for keyword in _OF_NAMES:
        named = schema.get(keyword)
        yield from _schemas(named.values() if isinstance(named, Mapping) else ())
    for keyword in _OF_LISTS:
        listed = schema.get(keyword)
        yield from _schemas(listed if isinstance(listed, list) else ())
    for keyword in _OF_ONE:
        yield from _schemas((schema.get(keyword),))


def _schemas(values: Any) -> Iterator[Mapping[str, Any]]:
    yield from (value for value in values if isinstance(value, Mapping))


def _deeper_than(value: object, levels: int) -> bool:
    if isinstance(value, Mapping):
        return levels == 0 or any(_deeper_than(item, levels - 1) for item in value.values())
    if isinstance(value, list):
        return levels == 0 or any(_deeper_than(item, levels - 1) for item in value)
    return False


def _within_64_bits(value: object) -> bool:
    if isinstance(value, Mapping):
        return all(_within_64_bits(item) for item in value.values())
    if isinstance(value, list):
        return all(_within_64_bits(item) for item in value)
    return not isinstance(value, int) or -MAX_ID - 1 <= value <= MAX_ID
