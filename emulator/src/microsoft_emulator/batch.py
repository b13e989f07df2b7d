"""``$batch``: up to 20 requests in one, each with its own permissions, limits and status.

Protocol: https://learn.microsoft.com/graph/json-batching
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any
from urllib.parse import quote, unquote

import msgspec
from litestar import Request, Response

from microsoft_emulator.replies import graph_error, reply
from microsoft_emulator.routing import Call

PATH = "/$batch"
MAX_REQUESTS = 20
METHODS = frozenset({"GET", "POST", "PATCH", "PUT", "DELETE"})


class BatchedRequest(msgspec.Struct, frozen=True):
    """One request; ``url`` is relative to the API version."""

    id: str
    method: str
    url: str
    headers: dict[str, str] = {}
    body: dict[str, Any] | None = None
    dependsOn: tuple[str, ...] = ()  # noqa: N815 - the name of the protocol


class Batch(msgspec.Struct, frozen=True):
    """The body of the request."""

    requests: tuple[BatchedRequest, ...]


def respond(call: Call, answer: Callable[[Call], Response[Any]]) -> Response[Any]:
    """The responses of all requests, in another order than theirs; ``answer`` responds to each."""
    if call.request.method != "POST":
        return graph_error(405, "Request_BadRequest", "The HTTP method is not allowed for this resource.")
    try:
        requests = msgspec.json.decode(call.body, type=Batch).requests
    except msgspec.DecodeError as error:
        return graph_error(400, "BadRequest", f"Invalid batch payload format: {error}")
    if (reason := _fault(requests)) is not None:
        return graph_error(400, "BadRequest", reason)
    statuses: dict[str, int] = {}
    responses: list[Mapping[str, Any]] = []
    for request in requests:
        failed = any(statuses[before] >= 400 for before in request.dependsOn)
        response = _failed_dependency() if failed else answer(_call(call, request))
        statuses[request.id] = response.status_code or 200
        responses.append(_shown(request, response))
    return reply({"responses": responses[::-1]})


def _failed_dependency() -> Response[Any]:
    return graph_error(424, "FailedDependency", "A request that this one depends on failed.")


def _fault(requests: Sequence[BatchedRequest]) -> str | None:
    """The reason for which the whole batch is refused."""
    if not 1 <= len(requests) <= MAX_REQUESTS:
        return f"Number of batch request steps must be between 1 and {MAX_REQUESTS}."
    before: set[str] = set()
    for request in requests:
        if not request.id or request.id in before:
            return "Each request of a batch needs an id of its own."
        if request.method not in METHODS or not request.url or "://" in request.url or request.url.endswith(PATH):
            return f"The request {request.id} has a method or URL that a batch cannot have."
        if request.body is not None and not any(name.lower() == "content-type" for name in request.headers):
            return f"The request {request.id} has a body and no Content-Type."
        if not before.issuperset(request.dependsOn):
            return f"The request {request.id} depends on one that does not precede it."
        before.add(request.id)
    return None


def _call(call: Call, batched: BatchedRequest) -> Call:
    path, _, query = batched.url.partition("?")
    path = "/" + unquote(path).lstrip("/")
    given = {name.lower(): value for name, value in batched.headers.items()}
    kept = [(name, value) for name, value in call.request.scope["headers"] if name in (b"host", b"authorization")]
    scope: dict[str, Any] = {
        "type": "http",
        "http_version": "1.1",
        "scheme": call.request.scope["scheme"],
        "server": call.request.scope["server"],
        "client": call.request.scope["client"],
        "root_path": "",
        "litestar_app": call.request.scope["litestar_app"],
        "method": batched.method,
        "path": f"/{call.version}{path}",
        "raw_path": quote(f"/{call.version}{path}").encode(),
        "query_string": query.encode(),
        "headers": kept + [(name.encode(), value.encode()) for name, value in given.items()],
        "state": {},
        "path_params": {},
    }
    body = b"" if batched.body is None else msgspec.json.encode(batched.body)
    request: Request[Any, Any, Any] = Request(scope)  # pyrefly: ignore[bad-argument-type]
    return replace(call, request=request, path=path, body=body)


def _shown(request: BatchedRequest, response: Response[Any]) -> Mapping[str, Any]:
    headers = {**response.headers, "Content-Type": "application/json"}
    return {"id": request.id, "status": response.status_code, "headers": headers, "body": response.content}
