"""What Litestar describes otherwise than the contract: the names of path parameters, and bodies that may be absent."""

import re

from litestar.openapi.spec import OpenAPI, OpenAPIType, Parameter, Reference, RequestBody, Schema

_SNAKE = re.compile(r"_([a-z])")
_METHODS = ("get", "post", "patch", "put", "delete")


def name_parameters_as_the_contract(document: OpenAPI) -> None:
    """Rename ``{tenant_id}`` to ``{tenantId}`` and so on, in the paths and in the parameters of each operation."""
    paths = document.paths or {}
    document.paths = {_camel(path): item for path, item in paths.items()}
    for item in document.paths.values():
        for method in _METHODS:
            operation = getattr(item, method)
            for parameter in (operation.parameters or []) if operation is not None else []:
                if isinstance(parameter, Parameter) and parameter.param_in == "path":
                    parameter.name = _camel(parameter.name)


def say_which_bodies_are_optional(document: OpenAPI) -> None:
    """Litestar describes every body as required; one that may be null may as well be left out."""
    for item in (document.paths or {}).values():
        for method in _METHODS:
            operation = getattr(item, method)
            body = operation.request_body if operation is not None else None
            if isinstance(body, RequestBody) and any(_takes_null(media.schema) for media in body.content.values()):
                body.required = False


def _takes_null(schema: Schema | Reference | None) -> bool:
    variants = schema.one_of or [] if isinstance(schema, Schema) else []
    return any(isinstance(one, Schema) and one.type is OpenAPIType.NULL for one in variants)


def _camel(name: str) -> str:
    return _SNAKE.sub(lambda match: match[1].upper(), name)
