"""Describes parameters and headers as they are on the wire, for people and for generators of clients."""

from collections.abc import Iterator
from dataclasses import fields, replace
from typing import Any

from litestar.openapi.spec import (
    OpenAPI,
    OpenAPIHeader,
    OpenAPIResponse,
    OpenAPIType,
    Operation,
    Parameter,
    Reference,
    Schema,
)

_METHODS = ("get", "put", "post", "delete", "patch")
_REQUEST_ID = Reference(ref="#/components/headers/RequestId")


def describe_parameters(document: OpenAPI) -> None:
    """Take null out of parameters: one that is ``None`` for its handler is left out by the client, never null."""
    for operation in _operations(document):
        for parameter in operation.parameters or []:
            if isinstance(parameter, Parameter):
                parameter.schema = _without_null(parameter.schema)


def describe_request_ids(document: OpenAPI) -> None:
    """Add to every answer the header by which operators find the request in their logs."""
    document.components.headers = {
        **(document.components.headers or {}),
        "RequestId": OpenAPIHeader(
            description="The id of the request: the one that the client sent, or a new one.",
            schema=Schema(type=OpenAPIType.STRING),
        ),
    }
    described = [*(document.components.responses or {}).values()]
    described += [response for operation in _operations(document) for response in (operation.responses or {}).values()]
    for response in described:
        if isinstance(response, OpenAPIResponse):
            response.headers = {**(response.headers or {}), "X-Request-ID": _REQUEST_ID}


def _without_null(schema: Schema | Reference | None) -> Schema | Reference | None:
    """The only other choice beside null, with what the whole schema says besides."""
    if not isinstance(schema, Schema) or not schema.one_of:
        return schema
    others = [
        choice for choice in schema.one_of if not (isinstance(choice, Schema) and choice.type is OpenAPIType.NULL)
    ]
    if len(others) != 1 or len(others) == len(schema.one_of):
        return schema
    (only,) = others
    said: dict[str, Any] = {
        field.name: value
        for field in fields(Schema)
        if field.name != "one_of" and (value := getattr(schema, field.name)) is not None
    }
    if isinstance(only, Reference):
        return only
    return replace(only, **said)


def _operations(document: OpenAPI) -> Iterator[Operation]:
    for item in (document.paths or {}).values():
        yield from (operation for method in _METHODS if (operation := getattr(item, method)) is not None)
