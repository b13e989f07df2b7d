"""Lets pages of named origins read the answers (https://fetch.spec.whatwg.org/#http-cors-protocol), without cookies."""

from collections.abc import Awaitable, Callable, Collection

from litestar.types import HTTPScope, Message, Receive, Send

HttpApp = Callable[[HTTPScope, Receive, Send], Awaitable[None]]

EXPOSED = "ETag, Link, Location, RateLimit, RateLimit-Policy, Retry-After, X-Request-ID"
ALLOWED_METHODS = "DELETE, GET, HEAD, PATCH, POST, PUT"
ALLOWED_HEADERS = (
    "Accept, Authorization, Content-Type, Idempotency-Key, If-Match, If-None-Match, Last-Event-ID, X-Request-ID, "
    "traceparent"
)
PREFLIGHT_SECONDS = 600
_VARY = (b"vary", b"Origin")


class Cors:
    """Wraps an application. A preflight of a named origin is answered here, before any token is asked for.

    Other origins get the answers as they are, which their browsers do not show to them.
    """

    def __init__(self, app: HttpApp, origins: Collection[str]) -> None:
        self._app = app
        self._origins = frozenset(origin.encode("ascii") for origin in origins)

    async def __call__(self, scope: HTTPScope, receive: Receive, send: Send) -> None:
        given = [value for name, value in scope["headers"] if name == b"origin"]
        origin = given[0] if len(given) == 1 and given[0] in self._origins else None
        if origin is not None and _is_preflight(scope):
            await send({"type": "http.response.start", "status": 204, "headers": _preflight_headers(origin)})
            await send({"type": "http.response.body", "body": b"", "more_body": False})
            return
        shared = [_VARY]
        if origin is not None:
            shared += [
                (b"access-control-allow-origin", origin),
                (b"access-control-expose-headers", EXPOSED.encode("ascii")),
            ]

        async def reply(message: Message) -> None:
            if message["type"] == "http.response.start":
                message["headers"] = [*message["headers"], *shared]
            await send(message)

        await self._app(scope, receive, reply)


def _is_preflight(scope: HTTPScope) -> bool:
    asks = any(name == b"access-control-request-method" for name, _ in scope["headers"])
    return asks and scope["method"] == "OPTIONS"


def _preflight_headers(origin: bytes) -> list[tuple[bytes, bytes]]:
    headers = {
        "access-control-allow-methods": ALLOWED_METHODS,
        "access-control-allow-headers": ALLOWED_HEADERS,
        "access-control-max-age": str(PREFLIGHT_SECONDS),
    }
    encoded = [(name.encode("ascii"), value.encode("ascii")) for name, value in headers.items()]
    return [*encoded, (b"access-control-allow-origin", origin), _VARY]
