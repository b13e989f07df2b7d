"""Paged lists: an opaque cursor as parameter, and a ``Link`` header with the cursor of the next page."""

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
        description="Cursor from the Link header of the previous page.",
        examples=[Example(value="eyJiZWZvcmUiOjE3fQ")],
    ),
]
FIRST_PAGE = MAX_ID
"""Start of a list in descending order of ids."""

Position = TypeVar("Position")


def encode_cursor(position: object) -> str:
    """Return the cursor of a position in a list, as opaque text."""
    return urlsafe_b64encode(msgspec.json.encode(position)).decode().rstrip("=")


def decode_cursor(cursor: str, expected: type[Position]) -> Position:
    """Return the position in a cursor. Raise ``BadRequest`` INVALID_CURSOR if it is malformed."""
    try:
        padded = cursor.encode("ascii") + b"=" * (-len(cursor) % 4)
        return msgspec.json.decode(urlsafe_b64decode(padded), type=expected, strict=True)
    except (ValueError, msgspec.MsgspecError, RecursionError) as error:
        raise invalid_cursor() from error


def before_id(cursor: str | None) -> int:
    """Return the exclusive upper limit of the ids on a page."""
    return FIRST_PAGE if cursor is None else decode_cursor(cursor, IdPosition).before


class IdPosition(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Position of a page: its items have ids below ``before``."""

    before: Annotated[int, msgspec.Meta(ge=1, le=MAX_ID)]


def link_headers(request: Request[Any, Any, Any], links: Links, position: object | None) -> Mapping[str, str]:
    """Return the ``Link`` header of the page at ``position`` with the filters of the request; empty for None."""
    if position is None:
        return {}
    query: dict[str, str | list[str]] = {**request.query_params.dict()}
    query["cursor"] = encode_cursor(position)
    return {"Link": links.next_page(request.scope["path"], query)}
