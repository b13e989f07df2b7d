"""The API description: OpenAPI 3.1 as JSON and YAML, and one plain page that loads nothing from anywhere."""

from collections.abc import Collection, Mapping
from html import escape
from typing import Any, NamedTuple

from litestar import Request
from litestar.enums import MediaType
from litestar.openapi import OpenAPIConfig
from litestar.openapi.plugins import JsonRenderPlugin, OpenAPIRenderPlugin, YamlRenderPlugin
from litestar.openapi.spec import (
    Components,
    Example,
    OpenAPI,
    OpenAPIHeader,
    OpenAPIMediaType,
    OpenAPIResponse,
    OpenAPIType,
    Operation,
    PathItem,
    Reference,
    RequestBody,
    Schema,
    SecurityScheme,
)

PUBLIC_SCHEMA_PATHS = frozenset(
    {"/schema", "/schema/", "/schema/openapi.json", "/schema/openapi.yaml", "/schema/openapi.yml"}
)
SCHEMA_CATCH_ALL = "/schema/{path}"
"""Litestar answers unknown paths under its schema folder with a page of its own; ours are problems like all others."""

_STYLE = (
    "body{font:16px/1.5 system-ui,sans-serif;max-width:60rem;margin:2rem auto;padding:0 1rem;color-scheme:light dark}"
    "td,th{text-align:left;vertical-align:top;padding:.2rem 1rem .2rem 0}code{font-family:ui-monospace,monospace}"
    ":target{outline:2px solid}"
)
_RETRY_AFTER = OpenAPIHeader(
    description="The seconds after which to try again; absent where trying again does not help.",
    schema=Schema(type=OpenAPIType.INTEGER),
)
_MADE = ("201", "202", "200")
"""The statuses of success; where an operation has both, its example is of the first."""
_METHODS = ("get", "put", "post", "delete", "options", "head", "patch", "trace")


class PlainPage(OpenAPIRenderPlugin):
    """Lists the operations and explains the problem codes, without script, font or image."""

    def __init__(self, codes: Mapping[str, str]) -> None:
        super().__init__(path="/", media_type=MediaType.HTML)
        self._codes = codes

    def render(self, request: Request[Any, Any, Any], openapi_schema: dict[str, Any]) -> bytes:
        info = openapi_schema["info"]
        title = escape(f"{info['title']} {info['version']}")
        operations = "".join(
            f"<tr><td><code>{method.upper()} {escape(path)}</code><td>{escape(operation.get('summary', ''))}"
            f"<td>{_permission(operation)}"
            for path, item in openapi_schema.get("paths", {}).items()
            for method, operation in item.items()
            if method in _METHODS
        )
        codes = "".join(
            f'<tr id="{escape(code)}"><td><code>{escape(code)}</code><td>{escape(said)}'
            for code, said in sorted(self._codes.items())
        )
        return (
            f'<!doctype html><html lang="en"><meta charset="utf-8"><title>{title}</title><style>{_STYLE}</style>'
            f"<h1>{title}</h1><p>{escape(info.get('description', ''))}</p>"
            '<p>The whole description: <a href="/schema/openapi.json">openapi.json</a>, '
            '<a href="/schema/openapi.yaml">openapi.yaml</a>.</p>'
            "<h2>Operations</h2><table><tr><th>Operation<th>What it does<th>Permission"
            f"{operations}</table><h2>Problem codes</h2><table>{codes}</table></html>"
        ).encode()


def _permission(operation: Mapping[str, Any]) -> str:
    """The permission in the security of an operation, as HTML; nothing where it needs none."""
    needed = [name for names in operation.get("security", []) for scopes in names.values() for name in scopes]
    return "".join(f"<code>{escape(name)}</code>" for name in needed)


def openapi_config(title: str, version: str, description: str, codes: Mapping[str, str]) -> OpenAPIConfig:
    """The addresses and forms in which the description is served."""
    token = SecurityScheme(type="http", scheme="bearer", bearer_format="JWT")
    return OpenAPIConfig(
        title=title,
        version=version,
        description=description,
        path="/schema",
        render_plugins=[PlainPage(codes), JsonRenderPlugin(), YamlRenderPlugin()],
        components=Components(security_schemes={"token": token}),
        security=[{"token": []}],
        use_handler_docstrings=True,
    )


def describe_problems(document: OpenAPI, codes: Collection[str]) -> None:
    """Adds to every operation that any other answer is a problem, and what a problem looks like.

    The 400 that Litestar describes by itself is taken out: none of our answers has that shape.
    """
    text = Schema(type=OpenAPIType.STRING)
    problem = Schema(
        type=OpenAPIType.OBJECT,
        title="Problem",
        description="What went wrong, and what to do about it (RFC 9457 and the members error, code and next).",
        required=["error", "code", "status", "next", "request_id", "type", "title", "detail"],
        properties={
            **dict.fromkeys(("error", "next", "request_id", "type", "title", "detail"), text),
            "code": Schema(
                type=OpenAPIType.STRING, enum=sorted(codes), description="Stable: a program may branch on it."
            ),
            "status": Schema(type=OpenAPIType.INTEGER, description="The HTTP status."),
            "field": Schema(type=OpenAPIType.STRING, description="The parameter or member that is wrong."),
            "permission": Schema(type=OpenAPIType.STRING, description="The permission that the token lacks."),
        },
    )
    components = document.components or Components()
    components.schemas = {**components.schemas, "Problem": problem}
    media = OpenAPIMediaType(schema=Reference(ref="#/components/schemas/Problem"))
    answer = OpenAPIResponse(
        description="A problem", headers={"Retry-After": _RETRY_AFTER}, content={"application/json": media}
    )
    components.responses = {**(components.responses or {}), "Problem": answer}
    document.components = components
    for item in (document.paths or {}).values():
        for operation in _operations(item):
            described = {
                status: response for status, response in (operation.responses or {}).items() if status != "400"
            }
            for status, response in described.items():
                if status.startswith("4") and isinstance(response, OpenAPIResponse):
                    response.headers = {**(response.headers or {}), "Retry-After": _RETRY_AFTER}
            operation.responses = {
                **described,
                "default": Reference(ref="#/components/responses/Problem"),
            }


class OperationExample(NamedTuple):
    """A request body and an answer of one operation; ``request`` is None where it takes no body."""

    answer: object
    request: object = None


def add_examples(document: OpenAPI, examples: Mapping[str, OperationExample]) -> None:
    """Give operations the examples that are listed under their ids. Raises ``KeyError`` where one has no example."""
    for item in (document.paths or {}).values():
        for operation in _operations(item):
            example = examples[operation.operation_id or ""]
            body = operation.request_body
            if isinstance(body, RequestBody) and example.request is not None:
                _illustrate(body.content, example.request)
            responses = operation.responses or {}
            status = next(status for status in _MADE if status in responses)
            response = responses[status]
            if isinstance(response, OpenAPIResponse):
                _illustrate(response.content, example.answer)


class _WholeExample(Example):
    """An example with its null members, which Litestar would leave out."""

    def to_schema(self) -> dict[str, Any]:
        return {"value": self.value}


def _illustrate(content: Mapping[str, OpenAPIMediaType] | None, value: object) -> None:
    for media in (content or {}).values():
        media.examples = {"example": _WholeExample(value=value)}


def _operations(item: PathItem) -> list[Operation]:
    operations = (getattr(item, method) for method in _METHODS)
    return [operation for operation in operations if operation is not None]
