"""The permitted changes of the schema of a released message: a field may be added that has a default, and no more.

So a reader of either version reads the messages of the other. ``python -m tests.contract.schema_compatibility`` writes
the schemas of this version as those of the released one; do that with a release.
"""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec

from onboarding_shared.contracts.catalogue import all_messages, json_schema
from onboarding_shared.contracts.message import Message

RELEASED = Path(__file__).parent / "released_schemas.json"

Schema = dict[str, Any]
_ANNOTATIONS = {"title", "description", "examples", "$schema", "$id", "$defs"}
_OBJECT = {"properties", "required"}


def breaks(before: Schema, after: Schema) -> list[str]:
    """The changes that are not permitted, as sentences that begin with the path of the field."""
    return list(_Comparison(before, after).of(before, after, "$"))


def released() -> dict[str, Schema]:
    """Topic and schema of each message of the released version, by its CloudEvents type."""
    return json.loads(RELEASED.read_text(encoding="utf-8"))


def present() -> dict[str, Schema]:
    """The same of this version."""
    return {message.event_type(): _entry(message) for message in all_messages()}


def _entry(message: type[Message]) -> Schema:
    return json.loads(msgspec.json.encode({"topic": message.topic.name, "schema": json_schema(message)}))


class _Comparison:
    """Compares two schemas, each with its own definitions."""

    def __init__(self, before: Schema, after: Schema) -> None:
        self._before, self._after = before, after
        self._open: list[tuple[str | None, str | None]] = []
        """The pairs of definitions around the present part: a definition may contain itself."""

    def of(self, before: Any, after: Any, at: str) -> Iterator[str]:
        if not (isinstance(before, dict) and isinstance(after, dict)):
            if before != after:
                yield f"{at}: was {json.dumps(before)} and is {json.dumps(after)}"
            return
        pair = (before.get("$ref"), after.get("$ref"))
        if pair in self._open:
            return
        self._open += [pair] if all(pair) else []
        yield from self._of_resolved(_resolved(self._before, before), _resolved(self._after, after), at)
        self._open = self._open[:-1] if all(pair) else self._open

    def _of_resolved(self, before: Schema, after: Schema, at: str) -> Iterator[str]:
        yield from self._of_fields(before, after, at)
        for word in sorted((before.keys() | after.keys()) - _ANNOTATIONS - _OBJECT):
            if word not in before or word not in after:
                yield f"{at}: {word} was {'added' if word in after else 'removed'}"
            else:
                yield from self._of_values(before[word], after[word], f"{at}/{word}")

    def _of_values(self, before: Any, after: Any, at: str) -> Iterator[str]:
        if isinstance(before, list) and isinstance(after, list) and len(before) == len(after):
            for place, (earlier, later) in enumerate(zip(before, after, strict=True)):
                yield from self.of(earlier, later, f"{at}/{place}")
        else:
            yield from self.of(before, after, at)

    def _of_fields(self, before: Schema, after: Schema, at: str) -> Iterator[str]:
        fields, fields_now = before.get("properties", {}), after.get("properties", {})
        required, required_now = set(before.get("required", ())), set(after.get("required", ()))
        for name in fields:
            if name not in fields_now:
                yield f"{at}.{name}: was removed"
                continue
            if (name in required) != (name in required_now):
                yield f"{at}.{name}: is {'now' if name in required_now else 'no longer'} required"
            yield from self.of(fields[name], fields_now[name], f"{at}.{name}")
        for name in fields_now.keys() - fields.keys():
            if name in required_now:
                yield f"{at}.{name}: was added without a default"


def _resolved(root: Schema, schema: Schema) -> Schema:
    """The schema with what it refers to in the place of the reference."""
    if "$ref" not in schema:
        return schema
    definition = root["$defs"][schema["$ref"].rpartition("/")[2]]
    return {**definition, **{word: value for word, value in schema.items() if word != "$ref"}}


if __name__ == "__main__":
    RELEASED.write_text(json.dumps(present(), indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
