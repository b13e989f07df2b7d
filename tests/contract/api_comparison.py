"""Comparison of an API description with a contract: one line for each requirement that is not met."""

from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

METHODS = ("get", "put", "post", "delete", "patch")
BOUNDS = ("minimum", "maximum", "format", "pattern", "minLength", "maxLength")

Document = Mapping[str, Any]


class Shape(NamedTuple):
    """A schema in normal form: references resolved and null separated, for OpenAPI 3.0 and 3.1 alike."""

    kind: str
    nullable: bool
    schema: Document


def differences(contract: Document, ours: Document) -> Iterator[str]:
    """Everything that the contract requires and ``ours`` lacks. Additions in ours are no difference,
    unless a caller or a reader who knows only the contract would stumble over it."""
    for path, item in contract["paths"].items():
        for method in (method for method in METHODS if method in item):
            at = f"{method.upper()} {path}"
            operation = ours.get("paths", {}).get(path, {}).get(method)
            if operation is None:
                yield f"{at}: missing"
            else:
                yield from _operation(at, _Side(contract, item[method]), _Side(ours, operation))


class _Side(NamedTuple):
    document: Document
    here: Document

    def at(self, here: Document) -> "_Side":
        return _Side(self.document, here)

    def resolved(self) -> Document:
        here = self.here
        while "$ref" in here:
            target: Any = self.document
            for part in here["$ref"].removeprefix("#/").split("/"):
                target = target[part]
            here = target
        return here

    def shape(self) -> Shape:
        here = self.resolved()
        nullable = bool(here.get("nullable", False))
        choices = [choice for word in ("oneOf", "anyOf") for choice in here.get(word, [])]
        if choices:
            others = [choice for choice in choices if choice.get("type") != "null"]
            nullable = nullable or len(others) < len(choices)
            if len(others) != 1:
                return Shape("choice", nullable, here)
            inner = self.at(others[0]).shape()
            beside = {word: value for word, value in here.items() if word not in ("oneOf", "anyOf")}
            return Shape(inner.kind, nullable or inner.nullable, {**beside, **inner.schema})
        kinds = here["type"] if isinstance(here.get("type"), list) else [here.get("type", "anything")]
        values = here.get("enum", [])
        left = [kind for kind in kinds if kind != "null"]
        return Shape("|".join(sorted(left)), nullable or "null" in kinds or None in values, here)


def _operation(at: str, contract: _Side, ours: _Side) -> Iterator[str]:
    yield from _parameters(at, contract, ours)
    body = contract.here.get("requestBody")
    if body is not None:
        offered = ours.here.get("requestBody")
        if offered is None:
            yield f"{at}: takes no body"
        else:
            if body.get("required", False) != offered.get("required", False):
                yield f"{at}: body required: {offered.get('required', False)}"
            yield from _content(f"{at} body", contract.at(body), ours.at(offered), request=True)
    elif ours.here.get("requestBody", {}).get("required", False):
        yield f"{at}: requires a body"
    for status, response in contract.here["responses"].items():
        answer = ours.here.get("responses", {}).get(status)
        if answer is None:
            yield f"{at} {status}: missing"
        else:
            yield from _content(f"{at} {status}", contract.at(response), ours.at(answer), request=False)


def _parameters(at: str, contract: _Side, ours: _Side) -> Iterator[str]:
    offered = {}
    for parameter in ours.here.get("parameters", []):
        side = ours.at(ours.at(parameter).resolved())
        offered[side.here["name"], side.here["in"]] = side
    known = set()
    for parameter in contract.here.get("parameters", []):
        side = contract.at(contract.at(parameter).resolved())
        key = (side.here["name"], side.here["in"])
        known.add(key)
        if key not in offered:
            yield f"{at}: parameter {key[0]} in {key[1]} missing"
            continue
        mine = offered[key]
        if bool(side.here.get("required", False)) != bool(mine.here.get("required", False)):
            yield f"{at}: parameter {key[0]} required: {mine.here.get('required', False)}"
        wanted, given = side.at(side.here["schema"]).shape(), mine.at(mine.here["schema"]).shape()
        if wanted.kind != given.kind:
            yield f"{at}: parameter {key[0]} is {given.kind}, not {wanted.kind}"
    for key, side in offered.items():
        if key not in known and side.here.get("required", False):
            yield f"{at}: requires the parameter {key[0]}"


def _content(at: str, contract: _Side, ours: _Side, *, request: bool) -> Iterator[str]:
    answered = ours.resolved().get("content", {})
    for media, content in contract.resolved().get("content", {}).items():
        if media not in answered:
            yield f"{at}: not as {media}"
        else:
            yield from _schema(at, contract.at(content["schema"]), ours.at(answered[media]["schema"]), request=request)


def _schema(at: str, contract: _Side, ours: _Side, *, request: bool) -> Iterator[str]:
    wanted, given = contract.shape(), ours.shape()
    if wanted.nullable != given.nullable:
        yield f"{at}: nullable: {given.nullable}"
    if wanted.kind != given.kind and "enum" not in given.schema:
        yield f"{at}: is {given.kind}, not {wanted.kind}"
    yield from _values(at, wanted.schema, given.schema)
    if wanted.kind == "array" and given.kind == "array":
        items = contract.at(wanted.schema["items"]), ours.at(given.schema["items"])
        yield from _schema(f"{at}[]", *items, request=request)
    yield from _members(at, contract.at(wanted.schema), ours.at(given.schema), request=request)


def _values(at: str, wanted: Document, given: Document) -> Iterator[str]:
    if "enum" in wanted and set(given.get("enum", [])) - {None} != set(wanted["enum"]):
        yield f"{at}: values {given.get('enum')}"
    for bound in BOUNDS:
        if bound in wanted and wanted[bound] != given.get(bound):
            yield f"{at}: {bound} {given.get(bound)}"
    if wanted.get("additionalProperties") is True and given.get("additionalProperties", True) is False:
        yield f"{at}: no additional members"


def _members(at: str, contract: _Side, ours: _Side, *, request: bool) -> Iterator[str]:
    given, needed = ours.here.get("properties", {}), set(ours.here.get("required", []))
    wanted, must = contract.here.get("properties", {}), set(contract.here.get("required", []))
    for name, member in wanted.items():
        if name not in given:
            yield f"{at}.{name}: missing"
        else:
            yield from _schema(f"{at}.{name}", contract.at(member), ours.at(given[name]), request=request)
    for name in sorted(needed - must if request else must - needed):
        yield f"{at}.{name}: {'required' if request else 'may be left out'}"
