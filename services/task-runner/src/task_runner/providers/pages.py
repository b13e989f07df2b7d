"""Pages of lists, cut down to the fields that were selected before anything is decoded to objects."""

import re
from collections.abc import Iterator
from functools import lru_cache
from typing import Any, NamedTuple
from urllib.parse import parse_qsl

import msgspec
from msgspec import UNSET, Raw, UnsetType

_ALWAYS = ("id", "@odata.type", "@odata.id", "@odata.etag")
_NAME = re.compile(r"[A-Za-z@][A-Za-z0-9_.@]*")


class Page(NamedTuple):
    """The body of a page: a JSON object with ``value`` and the link. ``is_list``: ``value`` is a list."""

    content: bytes
    following: Any
    is_list: bool


class _Whole(msgspec.Struct):
    value: Raw | UnsetType = UNSET
    following: Any = msgspec.field(name="@odata.nextLink", default=None)


_whole = msgspec.json.Decoder(_Whole)


def cut(content: bytes, url: str) -> Page:
    """The page without what the request did not select; an item that is no object stays as it is.

    Raises ``msgspec.DecodeError``, ``UnicodeDecodeError`` or ``RecursionError`` if it is no usable JSON object.
    """
    whole = _whole.decode(content)
    is_list = whole.value is not UNSET and memoryview(whole.value)[:1] == b"["
    fields = selected(url)
    if not is_list or fields is None:
        return Page(content, whole.following, is_list)
    try:
        page = _decoder(fields).decode(content)
    except msgspec.ValidationError:
        return Page(content, whole.following, is_list)
    return Page(msgspec.json.encode(page), whole.following, is_list)


def selected(url: str) -> frozenset[str] | None:
    """The members of an item that a request selects; None if it selects none."""
    query = dict(parse_qsl(url.partition("?")[2], keep_blank_values=True))
    names = _names(query.get("$select", ""))
    if not (chosen := frozenset(names)):
        return None
    return chosen | frozenset(_names(query.get("$expand", ""))) | frozenset(_ALWAYS)


def _names(text: str) -> Iterator[str]:
    """The first segment of each name outside parentheses."""
    depth, start = 0, 0
    for position, character in enumerate(f"{text},"):
        depth += (character == "(") - (character == ")")
        if character == "," and depth == 0:
            if name := _NAME.match(text[start:position].strip()):
                yield name.group()
            start = position + 1


@lru_cache(maxsize=256)
def _decoder(fields: frozenset[str]) -> msgspec.json.Decoder[Any]:
    """A decoder that skips all other members, and copies the values of these without looking into them."""
    names = {f"f{number}": name for number, name in enumerate(sorted(fields))}
    members = [(alias, Raw | UnsetType, UNSET) for alias in names]
    item = msgspec.defstruct("Item", members, rename=names, gc=False)
    page = msgspec.defstruct(
        "Page",
        [("value", list[item]), ("following", Raw | UnsetType, UNSET)],
        rename={"following": "@odata.nextLink"},
    )
    return msgspec.json.Decoder(page)
