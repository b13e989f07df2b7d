"""The API page as the contract has it: names of path parameters, bodies that may be absent, members of problems."""

import re
from collections.abc import Mapping

from litestar.openapi.spec import OpenAPI, OpenAPIFormat, OpenAPIType, Parameter, Reference, RequestBody, Schema

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
        type=OpenAPIType.INTEGER, description="With CONNECTION_DISABLED and CONNECTION_EXISTS."
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
"""The members that problems of this service have beside those of every problem."""


_PASSED_ON_CODES = ("ANCHOR_INCOMPLETE", "EVIDENCE_NOT_FOUND")
"""The codes of evidence-store in answers that are passed on."""


def describe_as_the_contract(document: OpenAPI) -> None:
    """Change Litestar's description where the contract says otherwise, and add the members of our problems."""
    _name_parameters(document)
    _mark_optional_bodies(document)
    problem = document.components.schemas["Problem"]
    properties = {**(problem.properties or {}), **_PROBLEM_MEMBERS}
    code = properties["code"]
    if isinstance(code, Schema):
        code.enum = sorted([*(code.enum or ()), *_PASSED_ON_CODES])
    problem.properties = properties


def _name_parameters(document: OpenAPI) -> None:
    """Rename ``{tenant_id}`` to ``{tenantId}`` and so on, in the paths and in the parameters of each operation."""
    paths = document.paths or {}
    document.paths = {_camel(path): item for path, item in paths.items()}
    for item in document.paths.values():
        for method in _METHODS:
            operation = getattr(item, method)
            for parameter in (operation.parameters or []) if operation is not None else []:
                if isinstance(parameter, Parameter) and parameter.param_in == "path":
                    parameter.name = _camel(parameter.name)


def _mark_optional_bodies(document: OpenAPI) -> None:
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
