"""Requests as a server hands them to an application, in spellings that client libraries would normalise."""

from typing import Any
from urllib.parse import unquote_to_bytes

import msgspec
from litestar import Litestar


async def ask(app: Litestar, method: str, path: str, *, token: str) -> tuple[int, str]:
    """Send a request without a body to a percent-encoded path; returns the status and the code of the problem."""
    scope: dict[str, Any] = {
        "type": "http",
        "asgi": {"version": "3.0"},
        "http_version": "1.1",
        "method": method,
        "scheme": "http",
        "path": unquote_to_bytes(path).decode(),
        "raw_path": path.encode(),
        "query_string": b"",
        "root_path": "",
        "headers": [(b"host", b"api"), (b"authorization", f"Bearer {token}".encode())],
    }
    sent: list[dict[str, Any]] = []

    async def receive() -> dict[str, Any]:
        return {"type": "http.request", "body": b"", "more_body": False}

    async def send(message: dict[str, Any]) -> None:
        sent.append(message)

    await app(scope, receive, send)  # type: ignore[arg-type]
    body = b"".join(message.get("body", b"") for message in sent)
    return sent[0]["status"], msgspec.json.decode(body).get("code", "")
