"""The published JSON Schemas of all messages. They are no secret, so these pages need no token."""

from collections.abc import Sequence
from typing import Any

import msgspec
from litestar import Response, get
from litestar.handlers import HTTPRouteHandler
from msgspec import Struct

from evidence_store.routes.problems import schema_not_found
from onboarding_shared.contracts.catalogue import all_messages, json_schema, schema_id

_LIST = "/onboarding/schemas"
_BY_TYPE = {message.event_type(): message for message in all_messages()}

SCHEMA_PATHS = frozenset({_LIST, *(f"{_LIST}/{event_type}" for event_type in _BY_TYPE)})
"""The paths that are open to everybody."""


class PublishedSchema(Struct, frozen=True):
    """Where the schema of one message is: ``type`` and ``dataschema`` are the CloudEvents attributes."""

    type: str
    dataschema: str
    topic: str
    url: str


class PublishedSchemas(Struct, frozen=True):
    """All messages, topic by topic."""

    schemas: Sequence[PublishedSchema]


def schema_routes() -> list[HTTPRouteHandler]:
    """The handlers of the schemas; what they answer is made once."""
    listed = PublishedSchemas(
        [
            PublishedSchema(name, schema_id(message), message.topic.name, f"{_LIST}/{name}")
            for name, message in _BY_TYPE.items()
        ]
    )
    documents = {name: msgspec.json.encode(json_schema(message)) for name, message in _BY_TYPE.items()}

    @get(_LIST, security=[{}], summary="List the schemas of all messages")
    async def list_schemas() -> PublishedSchemas:
        return listed

    @get(f"{_LIST}/{{event_type:str}}", security=[{}], summary="Get the JSON Schema of one message")
    async def get_schema(event_type: str) -> Response[Any]:
        document = documents.get(event_type)
        if document is None:
            raise schema_not_found()
        return Response(document, media_type="application/schema+json")

    return [list_schemas, get_schema]
