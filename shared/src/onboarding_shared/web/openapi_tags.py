"""Describes on the API page that every GET that is answered with JSON has an entity tag."""

from litestar.openapi.spec import (
    Example,
    OpenAPI,
    OpenAPIHeader,
    OpenAPIResponse,
    OpenAPIType,
    Operation,
    Parameter,
    Schema,
)

_TEXT = Schema(type=OpenAPIType.STRING)
_TAG = OpenAPIHeader(description="The state of what was read, for If-None-Match.", schema=_TEXT)
_IF_NONE_MATCH = "If-None-Match"


def describe_entity_tags(document: OpenAPI) -> None:
    """Add the header ETag, the parameter If-None-Match and the answer 304, where the route has none of its own."""
    for item in (document.paths or {}).values():
        if item.get is not None:
            _describe(item.get)


def _describe(operation: Operation) -> None:
    responses = operation.responses or {}
    answer = responses.get("200")
    if not isinstance(answer, OpenAPIResponse) or "application/json" not in (answer.content or {}):
        return
    answer.headers = {"ETag": _TAG, **(answer.headers or {})}
    unchanged = OpenAPIResponse(description="What was read has not changed", headers={"ETag": _TAG})
    operation.responses = {"304": unchanged, **responses}
    parameters = operation.parameters or []
    if not any(isinstance(parameter, Parameter) and parameter.name == _IF_NONE_MATCH for parameter in parameters):
        operation.parameters = [*parameters, _parameter()]


def _parameter() -> Parameter:
    return Parameter(
        name=_IF_NONE_MATCH,
        param_in="header",
        description="Answer 304 if what is read has one of these ETags.",
        required=False,
        schema=_TEXT,
        examples={"example": Example(value='"5d41402abc4b2a76b9719d911017c592"')},
    )
