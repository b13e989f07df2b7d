"""Adapts the generated OpenAPI document to the contract: path parameters, optional bodies, members of problems."""

import re
from collections.abc import Mapping, Sequence

from litestar.openapi.spec import (
    OpenAPI,
    OpenAPIFormat,
    OpenAPIHeader,
    OpenAPIResponse,
    OpenAPIType,
    Parameter,
    Reference,
    RequestBody,
    Schema,
)

from onboarding_shared.contracts.types import CheckStatus, RunState, SessionStatus

_SNAKE = re.compile(r"_([a-z])")
_METHODS = ("get", "post", "patch", "put", "delete")


_PROBLEM_MEMBERS: Mapping[str, Schema] = {
    "blocking_run": Schema(
        all_of=[Reference(ref="#/components/schemas/BlockingRun")], description="With BLOCKED_BY_RUN."
    ),
    "current_step": Schema(type=OpenAPIType.INTEGER, description="With STEP_OUT_OF_ORDER."),
    "known_task_types": Schema(
        type=OpenAPIType.ARRAY, items=Schema(type=OpenAPIType.STRING), description="With TASK_TYPE_UNKNOWN."
    ),
    "locked_by_user_id": Schema(type=OpenAPIType.INTEGER, description="With EDIT_LOCKED."),
    "locked_until": Schema(type=OpenAPIType.STRING, format=OpenAPIFormat.DATE_TIME, description="With EDIT_LOCKED."),
    "pointer": Schema(type=OpenAPIType.STRING, description="With INPUTS_INVALID: a JSON pointer within the inputs."),
    "provider_connection_id": Schema(
        type=OpenAPIType.INTEGER, description="With CONNECTION_DISABLED, CONNECTION_EXISTS and CONNECTION_NOT_BOUND."
    ),
    "provider_connection_ids": Schema(
        type=OpenAPIType.ARRAY, items=Schema(type=OpenAPIType.INTEGER), description="With CONNECTION_NOT_CHOSEN."
    ),
    "rule": Schema(type=OpenAPIType.STRING, description="With INPUTS_INVALID: the keyword of the JSON Schema."),
    "session_status": Schema(type=OpenAPIType.STRING, enum=[*SessionStatus], description="With SESSION_CLOSED."),
    "state": Schema(
        type=OpenAPIType.STRING, enum=[*RunState], description="With RUN_ENDED, RUN_NOT_ENDED and RUN_NOT_WAITING."
    ),
    "step": Schema(type=OpenAPIType.INTEGER, description="With STEP_NOT_READY."),
    "tasks": Schema(
        type=OpenAPIType.ARRAY,
        description="With STEP_NOT_READY.",
        items=Schema(
            type=OpenAPIType.OBJECT,
            required=["task_type", "status"],
            properties={
                "task_type": Schema(type=OpenAPIType.STRING),
                "status": Schema(type=OpenAPIType.STRING, enum=[*CheckStatus]),
            },
        ),
    ),
}
"""The members that problems of session-api have in addition to those of every problem."""


_FORWARDED_CODES = ("ANCHOR_INCOMPLETE", "EVIDENCE_NOT_FOUND")
"""The problem codes of evidence-store in forwarded responses."""


_RATE_LIMIT = {
    "RateLimit": OpenAPIHeader(
        description="What is left to the caller: r requests; t seconds until all are there again.",
        schema=Schema(type=OpenAPIType.STRING),
    ),
    "RateLimit-Policy": OpenAPIHeader(
        description="The limit of each caller: q requests within w seconds.", schema=Schema(type=OpenAPIType.STRING)
    ),
}
"""Absent where the operator has set no limit."""


def describe_as_the_contract(document: OpenAPI) -> None:
    """Change the document where it differs from the contract, and add the members of session-api's problems."""
    _name_parameters(document)
    _mark_optional_bodies(document)
    _describe_conditions(document)
    _describe_limits(document)
    problem = document.components.schemas["Problem"]
    properties = {**(problem.properties or {}), **_PROBLEM_MEMBERS}
    code = properties["code"]
    if isinstance(code, Schema):
        code.enum = sorted([*(code.enum or ()), *_FORWARDED_CODES])
    problem.properties = properties
    if isinstance(code, Schema):
        _list_codes(document, code.enum or [])


def _list_codes(document: OpenAPI, codes: Sequence[object]) -> None:
    """A start or a run among several that was refused has the code of the problem that it would be alone."""
    for body in ("StartedTask", "RunRefusal"):
        code = (document.components.schemas[body].properties or {})["code"]
        for choice in [code, *(code.one_of or [])] if isinstance(code, Schema) else []:
            if isinstance(choice, Schema) and choice.type is OpenAPIType.STRING:
                choice.enum = [*codes]


_REFUSED_BY_HEADER: Mapping[str, tuple[str, ...]] = {"If-Match": ("412",), "Idempotency-Key": ("409", "422")}


def _describe_conditions(document: OpenAPI) -> None:
    """Operations with these header parameters have refusals because of them."""
    for item in (document.paths or {}).values():
        for method in _METHODS:
            operation = getattr(item, method)
            parameters = (operation.parameters or []) if operation is not None else []
            for parameter in parameters:
                if isinstance(parameter, Parameter):
                    refused = Reference(ref="#/components/responses/Problem")
                    added = dict.fromkeys(_REFUSED_BY_HEADER.get(parameter.name, ()), refused)
                    operation.responses = {**added, **(operation.responses or {})}


def _describe_limits(document: OpenAPI) -> None:
    """Every operation may answer 429, and tells with each answer what is left to the caller."""
    refused = Reference(ref="#/components/responses/Problem")
    described = [*(document.components.responses or {}).values()]
    for item in (document.paths or {}).values():
        for method in _METHODS:
            operation = getattr(item, method)
            if operation is not None:
                described += (operation.responses or {}).values()
                operation.responses = {**(operation.responses or {}), "429": refused}
    for response in described:
        if isinstance(response, OpenAPIResponse):
            response.headers = {**(response.headers or {}), **_RATE_LIMIT}


def _name_parameters(document: OpenAPI) -> None:
    """Rename path parameters to camel case, such as ``{tenant_id}`` to ``{tenantId}``, in paths and operations."""
    paths = document.paths or {}
    document.paths = {_camel(path): item for path, item in paths.items()}
    for item in document.paths.values():
        for method in _METHODS:
            operation = getattr(item, method)
            for parameter in (operation.parameters or []) if operation is not None else []:
                if isinstance(parameter, Parameter) and parameter.param_in == "path":
                    parameter.name = _camel(parameter.name)


def _mark_optional_bodies(document: OpenAPI) -> None:
    """Mark bodies that may be null as optional; Litestar describes all bodies as required."""
    for item in (document.paths or {}).values():
        for method in _METHODS:
            operation = getattr(item, method)
            body = operation.request_body if operation is not None else None
            if isinstance(body, RequestBody) and any(_takes_null(media.schema) for media in body.content.values()):
                body.required = False


def _takes_null(schema: Schema | Reference | None) -> bool:
    variants = schema.one_of or [] if isinstance(schema, Schema) else []
    return any(isinstance(variant, Schema) and variant.type is OpenAPIType.NULL for variant in variants)


def _camel(name: str) -> str:
    return _SNAKE.sub(lambda match: match[1].upper(), name)
