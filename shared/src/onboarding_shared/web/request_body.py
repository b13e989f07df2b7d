"""Request bodies: read within limits, checked as text, then decoded strictly into the type a route declares."""

import asyncio
from functools import lru_cache
from typing import Any

import msgspec
from litestar import Request
from litestar.types import HTTPScope, Receive
from litestar.types.asgi_types import HTTPRequestEvent

from onboarding_shared.contracts.types import VISIBLE_PATTERN
from onboarding_shared.web.errors import BadRequest, ClientGone, Problem, TooLarge, UnsupportedMediaType
from onboarding_shared.web.text_rules import check_json_text

MAX_BODY_BYTES = 64 * 1024
BODY_SECONDS = 20.0
"""The seconds that a client may take to send its body."""

_CLOSE = {"Connection": "close"}


async def read_body(scope: HTTPScope, receive: Receive) -> bytes:
    """The whole body, at most 64 KiB, checked to be JSON by its declaration and clean as text.

    Raises ``Problem`` (400, 408, 413 or 415), or ``ClientGone`` when the client leaves in the middle.
    """
    length, content_type, encoding, chunked = _declared(scope)
    if length == 0 or (length is None and not chunked and scope["method"] in ("GET", "HEAD", "OPTIONS")):
        return b""
    if length is not None and length > MAX_BODY_BYTES:
        raise _too_large()
    try:
        async with asyncio.timeout(BODY_SECONDS):
            body = await _read(receive)
    except TimeoutError as error:
        raise Problem("BODY_TOO_SLOW", "The body took too long to arrive", status=408, headers=_CLOSE) from error
    if body:
        _check_encoding(encoding)
        _check_content_type(content_type)
        check_json_text(body)
    return body


def _declared(scope: HTTPScope) -> tuple[int | None, bytes, bytes, bool]:
    length: int | None = None
    content_type = encoding = b""
    chunked = False
    for name, value in scope["headers"]:
        if name == b"content-length":
            if not value.isdigit():
                raise BadRequest("BAD_REQUEST", "The Content-Length header is not a number", headers=_CLOSE)
            length = int(value[:20])
        elif name == b"content-type":
            content_type = value
        elif name == b"content-encoding":
            encoding += b"," + value if encoding else value
        elif name == b"transfer-encoding":
            chunked = True
    return length, content_type, encoding, chunked


async def _read(receive: Receive) -> bytes:
    body = b""
    while True:
        message = await receive()
        if message["type"] == "http.disconnect":
            raise ClientGone
        if message["type"] != "http.request":
            continue
        body += message.get("body", b"")
        if len(body) > MAX_BODY_BYTES:
            raise _too_large()
        if not message.get("more_body", False):
            return body


def _too_large() -> TooLarge:
    return TooLarge("BODY_TOO_LARGE", f"The body is larger than {MAX_BODY_BYTES} bytes", headers=_CLOSE)


def _check_encoding(value: bytes) -> None:
    """Raises for a compressed body (RFC 9110, 15.5.16): nothing is ever unpacked."""
    if value.strip().lower() not in (b"", b"identity"):
        raise UnsupportedMediaType(
            "UNSUPPORTED_MEDIA_TYPE",
            "The body must not be compressed",
            next="Send the body as it is, without a Content-Encoding header.",
            headers={"Accept-Encoding": "identity"},
        )


def _check_content_type(value: bytes) -> None:
    if value == b"application/json":
        return
    media_type, *parameters = value.decode("latin-1").lower().split(";")
    for parameter in parameters:
        name, _, setting = parameter.strip().partition("=")
        if name == "charset" and setting.strip('"') not in ("utf-8", "utf8"):
            raise UnsupportedMediaType("UNSUPPORTED_MEDIA_TYPE", "The body must be in UTF-8")
    if media_type.strip() != "application/json":
        raise UnsupportedMediaType("UNSUPPORTED_MEDIA_TYPE", "The body must be application/json")


def replay(body: bytes, receive: Receive) -> Receive:
    """A ``receive`` that hands out a body that was read already, and then whatever comes next."""
    pending: list[HTTPRequestEvent] = [{"type": "http.request", "body": body, "more_body": False}]

    async def receive_again() -> Any:  # an annotation here is built again for every request
        return pending.pop() if pending else await receive()

    return receive_again


class JsonRequest(Request[Any, Any, Any]):
    """A request whose body is decoded straight into the type its route declares for ``data``.

    Litestar would decode to plain objects and convert these leniently, so that ``{"step": "3"}`` passed for a number.
    """

    async def json(self) -> Any:
        """The body as the declared type. Raises ``BadRequest`` that names the field."""
        field = self.route_handler.parsed_data_field
        return decode_body(await self.body(), Any if field is None else field.annotation)


def decode_body(body: bytes, expected: Any) -> Any:
    """Decodes strictly. Raises ``BadRequest`` INVALID_JSON, UNKNOWN_FIELD, MISSING_FIELD or INVALID_FIELD."""
    try:
        return _decoder(expected).decode(body)
    except msgspec.ValidationError as error:
        raise field_problem(str(error)) from error
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise BadRequest("INVALID_JSON", f"The body is not valid JSON: {error}") from error


@lru_cache(maxsize=512)
def _decoder(expected: Any) -> msgspec.json.Decoder[Any]:
    return msgspec.json.Decoder(expected)


def field_problem(said: str) -> BadRequest:
    """A validation error of msgspec as a problem whose ``field`` is the path to the member, such as ``a.b[0]``."""
    reason, _, path = said.partition(" - at `$")
    reason = _VISIBLE if repr(VISIBLE_PATTERN) in reason else reason
    path = path.rstrip("`").removeprefix(".")
    message = f"{path}: {reason}" if path else reason
    code = "INVALID_FIELD"
    for beginning, other in _ABOUT_A_MEMBER.items():
        if reason.startswith(beginning):
            code = other
            member = reason.removeprefix(beginning).rstrip("`")
            path = f"{path}.{member}" if path else member
    return BadRequest(code, message, extra={"field": path} if path else None)


_VISIBLE = "May not contain line breaks, control characters, or characters that are invisible or turn the text around"
_ABOUT_A_MEMBER = {
    "Object contains unknown field `": "UNKNOWN_FIELD",
    "Object missing required field `": "MISSING_FIELD",
}
