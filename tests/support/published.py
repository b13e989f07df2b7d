"""Answers held against the API page of the service that gave them, member by member and in both directions."""

import json
import re
from collections.abc import Iterator
from typing import Any

import httpx2
import msgspec
from jsonschema import Draft202012Validator
from litestar import Litestar

Document = dict[str, Any]


def page_of(app: Litestar) -> Document:
    """The API page as the service serves it."""
    return json.loads(msgspec.json.encode(app.openapi_schema.to_schema()))


def resolved(document: Document, schema: Document) -> Document:
    """The schema behind its references."""
    while "$ref" in schema:
        target: Any = document
        for part in schema["$ref"].removeprefix("#/").split("/"):
            target = target[part]
        schema = target
    return schema


def differences(
    document: Document, schema: Document, body: object, at: str = "$", *, complete: bool = True
) -> Iterator[str]:
    """The members that are sent and not published, and those that are published and not sent.

    Our services send every member of an answer, null or not; a problem, which is not ``complete``, has those of its
    code alone.
    """
    schema = resolved(document, schema)
    choices = [resolved(document, choice) for word in ("oneOf", "anyOf", "allOf") for choice in schema.get(word, [])]
    if choices and body is not None:
        fitting = next(choice for choice in choices if choice.get("type") != "null")
        yield from differences(document, fitting, body, at, complete=complete)
    elif isinstance(body, list):
        for item in body:
            yield from differences(document, schema["items"], item, f"{at}[]", complete=complete)
    elif isinstance(body, dict) and "properties" in schema:
        yield from (f"{at}.{name}: not published" for name in sorted(body.keys() - schema["properties"].keys()))
        expected = schema["properties"].keys() if complete else set(schema.get("required", []))
        yield from (f"{at}.{name}: not sent" for name in sorted(expected - body.keys()))
        for name in body.keys() & schema["properties"].keys():
            yield from differences(document, schema["properties"][name], body[name], f"{at}.{name}", complete=complete)


def violations(document: Document, schema: Document, body: object) -> list[str]:
    """The rules of the schema that the body breaks."""
    whole = {**schema, "components": document["components"]}
    errors = Draft202012Validator(whole, format_checker=Draft202012Validator.FORMAT_CHECKER).iter_errors(body)
    return [f"{error.json_path}: {error.message}" for error in errors]


class PublishedPage:
    """The API page of one service, as a check that an HTTP client makes of each answer."""

    def __init__(self, app: Litestar) -> None:
        self._document = page_of(app)
        # Fixed paths first: ``/evidence/verification`` has the form of ``/evidence/{id}`` as well.
        paths = sorted(self._document["paths"].items(), key=lambda entry: entry[0].count("{"))
        self._paths = [(re.compile(re.sub(r"\{\w+\}", "[^/]+", path)), item) for path, item in paths]

    async def check(self, answer: httpx2.Response) -> None:
        """Compare an answer with its operation. A success has every published member, a problem no unpublished one."""
        operation = self._operation(answer)
        if operation is None or not answer.headers.get("content-type", "").startswith("application/json"):
            return
        await answer.aread()
        responses = operation["responses"]
        published = resolved(self._document, responses.get(str(answer.status_code), responses["default"]))
        schema, body = published["content"]["application/json"]["schema"], answer.json()
        shown = differences(self._document, schema, body, complete=answer.is_success)
        faults = [*shown, *violations(self._document, schema, body)]
        assert faults == [], f"{answer.request.method} {answer.request.url}: {faults}"

    def _operation(self, answer: httpx2.Response) -> Document | None:
        method, path = answer.request.method.lower(), answer.request.url.path
        fitting = (item[method] for pattern, item in self._paths if method in item and pattern.fullmatch(path))
        return next(fitting, None)
