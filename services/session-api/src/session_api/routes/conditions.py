"""Conditional requests (RFC 9110, 13): the header parameters, and their entity tags."""

import re
from collections.abc import Collection
from typing import Annotated

from litestar.datastructures import ResponseHeader
from litestar.openapi.spec import Example
from litestar.params import HeaderParameter

from onboarding_shared.web.errors import BadRequest
from session_api.domain.entity_tags import ANY

MAX_LENGTH = 1000
_TAG = r'(?:W/)?"[\x21\x23-\x7e\x80-\xff]*"'
_LIST = re.compile(rf"{_TAG}(?:[ \t]*,[ \t]*{_TAG})*")
_ONE = re.compile(_TAG)

IfMatch = Annotated[
    str | None,
    HeaderParameter(
        name="If-Match",
        description="Change the session only if it has one of these ETags; otherwise 412. * = in any state.",
        examples=[Example(value='"5d41402abc4b2a76b9719d911017c592"')],
    ),
]
IfNoneMatch = Annotated[
    str | None,
    HeaderParameter(
        name="If-None-Match",
        description="Answer 304 if the session has one of these ETags.",
        examples=[Example(value='"5d41402abc4b2a76b9719d911017c592"')],
    ),
]
ETAG = ResponseHeader(name="ETag", description="The state of the session, for If-Match.", documentation_only=True)


def entity_tags(header: str | None, name: str) -> Collection[str] | None:
    """The entity tags of a condition, ``*`` as it is; None without the header. Raises ``BadRequest`` INVALID_HEADER."""
    if header is None:
        return None
    text = header.strip()
    if text == ANY:
        return (ANY,)
    if len(text) > MAX_LENGTH or _LIST.fullmatch(text) is None:
        raise BadRequest("INVALID_HEADER", f"{name} is not a list of entity tags", extra={"field": name})
    return frozenset(_ONE.findall(text))


def is_known(header: str | None, current: str) -> bool:
    """True where ``If-None-Match`` has the current entity tag, weak or not."""
    known = entity_tags(header, "If-None-Match") or ()
    return ANY in known or current in {tag.removeprefix("W/") for tag in known}
