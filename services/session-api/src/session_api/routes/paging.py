"""Lists in pages: an opaque cursor in, a ``Link`` header with the next one out."""

from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Mapping
from typing import Annotated, Any, TypeVar

import msgspec
from litestar import Request
from litestar.openapi.spec import Example
from litestar.params import QueryParameter

from onboarding_shared.contracts.types import MAX_ID
from session_api.routes.links import Links
from session_api.routes.problems import invalid_cursor

Cursor = Annotated[
    str | None,
    QueryParameter(
        name="cursor",
        max_length=400,
        description="From the Link header of the page before.",
        examples=[Example(value="eyJiZWZvcmUiOjE3fQ")],
    ),
]
FIRST_PAGE = MAX_ID
"""Lists by id go downwards from here."""

Position = TypeVar("Position")


def encode_cursor(position: object) -> str:
    """A position in a list as a text without meaning to its reader."""
    return urlsafe_b64encode(msgspec.json.encode(position)).decode().rstrip("=")


def decode_cursor(cursor: str, expected: type[Position]) -> Position:
    """The position in a cursor. Raises ``BadRequest`` INVALID_CURSOR."""
    try:
        padded = cursor.encode("ascii") + b"=" * (-len(cursor) % 4)
        return msgspec.json.decode(urlsafe_b64decode(padded), type=expected, strict=True)
    except (ValueError, msgspec.MsgspecError, RecursionError) as error:
        raise invalid_cursor() from error


def before_id(cursor: str | None) -> int:
    """The id below which a page of a list begins."""
    return FIRST_PAGE if cursor is None else decode_cursor(cursor, IdPosition).before


class IdPosition(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The page holds what has a smaller id."""

    before: Annotated[int, msgspec.Meta(ge=1, le=MAX_ID)]


def link_headers(request: Request[Any, Any, Any], links: Links, position: object | None) -> Mapping[str, str]:
    """The ``Link`` header to the page at ``position``, with the filters of this request; none after the last."""
    if position is None:
        return {}
    query: dict[str, str | list[str]] = {**request.query_params.dict()}
    query["cursor"] = encode_cursor(position)
    return {"Link": links.next_page(request.scope["path"], query)}
