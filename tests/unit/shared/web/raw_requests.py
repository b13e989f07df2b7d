"""Requests handed to an application as a server would, past every client library."""

from collections.abc import Awaitable, Callable
from typing import Any


def http_scope(
    path: str,
    *headers: tuple[bytes, bytes],
    method: str = "GET",
    hosts: tuple[bytes, ...] = (b"api",),
    version: str = "1.1",
) -> dict[str, Any]:
    """A request as a server hands it over, for what no client library would send."""
    return {
        "type": "http",
        "asgi": {"version": "3.0"},
        "http_version": version,
        "method": method,
        "scheme": "http",
        "path": path,
        "raw_path": path.encode(),
        "query_string": b"",
        "root_path": "",
        "headers": [*((b"host", host) for host in hosts), *headers],
    }


async def exchange(app: Any, scope: dict[str, Any], receive: Callable[[], Awaitable[Any]]) -> list[dict[str, Any]]:
    """Call the application; returns the messages that it sends."""
    sent: list[dict[str, Any]] = []

    async def send(message: dict[str, Any]) -> None:
        sent.append(message)

    await app(scope, receive, send)
    return sent


async def no_body() -> dict[str, Any]:
    """The message of a server for a request without a body."""
    return {"type": "http.request", "body": b"", "more_body": False}
