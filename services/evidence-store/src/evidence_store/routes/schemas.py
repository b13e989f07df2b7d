"""The JSON Schemas of all messages. They are public: these pages need no token."""

from collections.abc import Sequence
from typing import Annotated, Any

import msgspec
from litestar import Response, get
from litestar.openapi.spec import Example
from litestar.params import PathParameter
from msgspec import Struct

from evidence_store.routes.problems import schema_not_found
from onboarding_shared.contracts.catalogue import all_messages, json_schema, schema_id

_LIST = "/onboarding/schemas"
_BY_TYPE = {message.event_type(): message for message in all_messages()}

SCHEMA_PATHS = frozenset({_LIST, *(f"{_LIST}/{event_type}" for event_type in _BY_TYPE)})
"""The paths that need no token."""


class PublishedSchema(Struct, frozen=True):
    """The URL of the schema of one message; ``type`` and ``dataschema`` are its CloudEvents attributes."""

    type: str
    dataschema: str
    topic: str
    url: str


class PublishedSchemas(Struct, frozen=True):
    """The schemas of all messages, by topic."""

    schemas: Sequence[PublishedSchema]


EventType = Annotated[
    str, PathParameter(description="The CloudEvents type of the message.", examples=[Example(value=min(_BY_TYPE))])
]
_LISTED = PublishedSchemas(
    [
        PublishedSchema(name, schema_id(message), message.topic.name, f"{_LIST}/{name}")
        for name, message in _BY_TYPE.items()
    ]
)
_DOCUMENTS = {name: msgspec.json.encode(json_schema(message)) for name, message in _BY_TYPE.items()}


@get(_LIST, operation_id="listSchemas", tags=["schemas"], security=[{}], summary="List the schemas of all messages")
async def list_schemas() -> PublishedSchemas:
    """Return every message that the services publish, with the URL of its schema. No token is needed."""
    return _LISTED


@get(
    f"{_LIST}/{{event_type:str}}",
    operation_id="getSchema",
    tags=["schemas"],
    security=[{}],
    media_type="application/schema+json",
    summary="Get the JSON Schema of one message",
)
async def get_schema(event_type: EventType) -> Response[dict[str, Any]]:
    """Return the JSON Schema of the message's data. No token is needed."""
    document = _DOCUMENTS.get(event_type)
    if document is None:
        raise schema_not_found()
    return Response[Any](document, media_type="application/schema+json")
