"""The messages on Kafka, for everybody: the AsyncAPI document, and a page of it that runs no script."""

import functools
import json
from base64 import b64encode
from collections.abc import Mapping
from hashlib import sha256
from html import escape
from typing import Any, NamedTuple

import msgspec
from litestar import MediaType, Response, get
from litestar.handlers import HTTPRouteHandler

from onboarding_shared.contracts.asyncapi import asyncapi_document

PAGE_PATH = "/asyncapi"
DOCUMENT_PATH = "/asyncapi.json"
ASYNCAPI_PATHS = frozenset({PAGE_PATH, f"{PAGE_PATH}/", DOCUMENT_PATH})
"""The paths that need no token."""

_STYLE = (
    "body{font:16px/1.5 'Segoe UI',system-ui,sans-serif;max-width:60rem;margin:2rem auto;padding:0 1rem;"
    "color-scheme:light dark;overflow-wrap:anywhere}table{border-collapse:collapse}"
    "td,th{text-align:left;vertical-align:top;padding:.2rem 1rem .2rem 0}code,pre{font-family:ui-monospace,monospace}"
    "pre{white-space:pre-wrap}:target{outline:2px solid}"
)
_HEADERS = {
    "Content-Security-Policy": "default-src 'none'; img-src data:; "
    f"style-src 'sha256-{b64encode(sha256(_STYLE.encode()).digest()).decode()}'; "
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
    "Referrer-Policy": "no-referrer",
}

Part = Mapping[str, Any]


class _Sent(NamedTuple):
    """The response, made once."""

    document: bytes
    page: bytes


@functools.cache
def _sent() -> _Sent:
    document = asyncapi_document()
    return _Sent(msgspec.json.encode(document), asyncapi_html(document).encode())


def asyncapi_routes() -> list[HTTPRouteHandler]:
    """The handlers of the document and its page."""

    @get(DOCUMENT_PATH, include_in_schema=False)
    async def send_asyncapi() -> Response[bytes]:
        return Response(_sent().document, media_type=MediaType.JSON)

    @get(PAGE_PATH, include_in_schema=False)
    async def show_asyncapi_page() -> Response[bytes]:
        return Response(_sent().page, media_type=MediaType.HTML, headers=_HEADERS)

    return [send_asyncapi, show_asyncapi_page]


def asyncapi_html(document: Part) -> str:
    """The page of an AsyncAPI document whose messages and schemas are components."""
    messages, schemas = document["components"]["messages"], document["components"]["schemas"]
    title = escape(document["info"]["title"])
    of_messages = {message["payload"]["$ref"].rpartition("/")[2] for message in messages.values()}
    parts = "".join(_schema(name, schema) for name, schema in sorted(schemas.items()) if name not in of_messages)
    return (
        '<!doctype html><html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width">'
        f'<title>{title}</title><link rel="icon" href="data:,"><style>{_STYLE}</style></head><body><h1>{title}</h1>'
        f"<p>{escape(document['info']['description'])}</p>"
        f'<p>The whole description, for programs: <a href="{DOCUMENT_PATH}">asyncapi.json</a>, AsyncAPI '
        f"{escape(document['asyncapi'])}.</p>"
        + "".join(_channel(channel, messages, schemas) for channel in document["channels"].values())
        + f"<h2>Parts of messages</h2>{parts}</body></html>"
    )


def _channel(channel: Part, messages: Part, schemas: Part) -> str:
    shown = "".join(_message(messages[name], schemas) for name in channel["messages"])
    return f"<h2>{escape(channel['address'])}</h2><p>{escape(channel['description'])}</p>{shown}"


def _message(message: Part, schemas: Part) -> str:
    (example,) = message["examples"]
    payload = schemas[message["payload"]["$ref"].rpartition("/")[2]]
    title = escape(message["title"])
    return (
        f'<h3 id="{title}">{title}</h3><p>{escape(message["description"])}</p>{_fields(payload)}'
        f"<details><summary>Headers</summary>{_fields(message['headers'])}</details>"
        f"<details><summary>Example</summary><pre>{escape(_record(example))}</pre></details>"
    )


def _record(example: Part) -> str:
    headers = "".join(f"{name}: {value}\n" for name, value in example["headers"].items())
    return f"{headers}\n{json.dumps(example['payload'], indent=2, ensure_ascii=False)}"


def _schema(name: str, schema: Part) -> str:
    body = _fields(schema) if "properties" in schema else f"<p>{_type(schema)}</p>"
    described = escape(str(schema.get("description", "")))
    return f'<h3 id="{escape(name)}">{escape(name)}</h3><p>{described}</p>{body}'


def _fields(schema: Part) -> str:
    required = schema.get("required", ())
    rows = "".join(
        f"<tr><td><code>{escape(name)}</code><td>{_type(field)}<td>{'yes' if name in required else 'no'}"
        f"<td>{escape(str(field.get('description', '')))}"
        for name, field in schema["properties"].items()
    )
    return f"<table><tr><th>Field<th>Type<th>Required<th>Meaning{rows}</table>"


def _type(schema: Part) -> str:
    """The type of a value, as HTML."""
    if "$ref" in schema:
        name = escape(schema["$ref"].rpartition("/")[2])
        return f'<a href="#{name}">{name}</a>'
    if "anyOf" in schema:
        return " or ".join(_type(choice) for choice in schema["anyOf"])
    values = schema.get("enum", [schema["const"]] if "const" in schema else [])
    if values:
        return " or ".join(f"<code>{escape(str(value))}</code>" for value in values)
    if isinstance(schema.get("items"), Mapping):
        return f"array of {_type(schema['items'])}"
    return escape(" ".join(str(schema[word]) for word in ("type", "format") if word in schema) or "any value")
