"""Entity tags for every GET that is answered with JSON (RFC 9110, 8.8.3 and 13.1.2).

The tag is the hash of the body, unless the route has set one of its own. A request whose ``If-None-Match`` has it is
answered 304 without the body. Answers in parts, such as streams, have no tag.
"""

from collections.abc import Iterable
from hashlib import blake2b

from litestar.types import Message, Send
from litestar.types.asgi_types import HTTPResponseBodyEvent, HTTPResponseStartEvent

ETAG = b"etag"
IF_NONE_MATCH = b"if-none-match"
_JSON = b"application/json"
_OF_THE_BODY = (b"content-type", b"content-length")
_HASH_BYTES = 16
_LONGEST_CONDITION = 4096
"""Conditions of more bytes count as if they were absent."""

Headers = Iterable[tuple[bytes, bytes]]


class TaggedAnswer:
    """A ``send`` for the answer of one GET."""

    __slots__ = ("_condition", "_send", "_start")

    def __init__(self, send: Send, condition: bytes | None) -> None:
        """``condition`` is the header ``If-None-Match``, if there is one."""
        self._send = send
        self._condition = condition
        self._start: HTTPResponseStartEvent | None = None

    async def __call__(self, message: Message) -> None:
        """Send this message; the start of an answer waits for its body."""
        if message["type"] == "http.response.start":
            if message["status"] == 200 and _is_json(message["headers"]):
                self._start = message
                return
        elif message["type"] == "http.response.body" and self._start is not None:
            start, self._start = self._start, None
            if not message.get("more_body", False):
                self._tag(start, message)
            await self._send(start)
        await self._send(message)

    def _tag(self, start: HTTPResponseStartEvent, body: HTTPResponseBodyEvent) -> None:
        own = next((value for name, value in start["headers"] if name == ETAG), None)
        tag = own or tag_of(body["body"])
        if own is None:
            start["headers"] = [*start["headers"], (ETAG, tag)]
        if self._condition is not None and has_tag(self._condition, tag):
            start["status"] = 304
            start["headers"] = [pair for pair in start["headers"] if pair[0] not in _OF_THE_BODY]
            body["body"] = b""


def tag_of(body: bytes) -> bytes:
    """The strong entity tag of a body."""
    return b'"%b"' % blake2b(body, digest_size=_HASH_BYTES).hexdigest().encode()


def has_tag(condition: bytes, tag: bytes) -> bool:
    """True if the condition names the tag, by weak comparison, or is ``*``. A malformed one names nothing."""
    if len(condition) > _LONGEST_CONDITION:
        return False
    wanted = tag.removeprefix(b"W/")
    named = [entry.strip(b" \t").removeprefix(b"W/") for entry in condition.split(b",")]
    return wanted in named or named == [b"*"]


def _is_json(headers: Headers) -> bool:
    return any(name == b"content-type" and value.startswith(_JSON) for name, value in headers)
