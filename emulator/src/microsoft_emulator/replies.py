"""Responses in the format of Microsoft Graph and its token service."""

import uuid
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any
from urllib.parse import urlencode

from litestar import Request, Response


def reply(body: object, status: int = 200, headers: Mapping[str, str] | None = None) -> Response[Any]:
    """Create a response with the request ids of Graph."""
    request_id = str(uuid.uuid4())
    own = {"request-id": request_id, "client-request-id": request_id, **(headers or {})}
    return Response(body, status_code=status, headers=own, media_type="application/json")


def graph_error(status: int, code: str, message: str, headers: Mapping[str, str] | None = None) -> Response[Any]:
    """Create an error response of Graph."""
    answer = reply(None, status, headers)
    inner = {
        "date": datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%S"),
        "request-id": answer.headers["request-id"],
        "client-request-id": answer.headers["request-id"],
    }
    answer.content = {"error": {"code": code, "message": message, "innerError": inner}}
    return answer


def token_error(status: int, error: str, aadsts: str, text: str) -> Response[Any]:
    """Create an error response of the token service."""
    trace = str(uuid.uuid4())
    timestamp = datetime.now(UTC).strftime("%Y-%m-%d %H:%M:%SZ")
    description = f"AADSTS{aadsts}: {text} Trace ID: {trace} Correlation ID: {trace} Timestamp: {timestamp}"
    body = {
        "error": error,
        "error_description": description,
        "error_codes": [int(aadsts)],
        "timestamp": timestamp,
        "trace_id": trace,
        "correlation_id": trace,
    }
    return reply(body, status)


def page(request: Request[Any, Any, Any], items: list[Any], size: int, *, counted: bool) -> Response[Any]:
    """Create one page of a collection, of at most ``size`` items, with a link to the next one.

    ``counted`` = a count may be sent.
    """
    params = {key: value for key, value in request.query_params.items() if key != "$skiptoken"}
    skip, top = request.query_params.get("$skiptoken", "0"), params.get("$top", str(size))
    if not skip.isdecimal():
        return graph_error(400, "BadRequest", "Invalid $skiptoken.")
    end = int(skip) + min(int(top), size)
    origin = f"{request.base_url}".rstrip("/")
    version = request.url.path.split("/")[1]
    body: dict[str, Any] = {"@odata.context": f"{origin}/{version}/$metadata", "value": items[int(skip) : end]}
    if counted and params.get("$count") == "true" and skip == "0":
        body["@odata.count"] = len(items)
    if end < len(items):
        query = urlencode({**params, "$skiptoken": str(end)}, safe="$,'()/")
        body["@odata.nextLink"] = f"{origin}{request.url.path}?{query}"
    return reply(body)
