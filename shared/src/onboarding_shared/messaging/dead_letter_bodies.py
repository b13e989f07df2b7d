"""Dead letters as they are answered and printed: the content as text where it is text, else in base64."""

from base64 import b64encode

from msgspec import Struct

from onboarding_shared.messaging.dead_letter_rows import LetterContent


class Content(Struct, kw_only=True, frozen=True):
    """Stored bytes: ``text`` if they are UTF-8, else ``base64``; both are null where there are none."""

    text: str | None = None
    base64: str | None = None


class Header(Struct, kw_only=True, frozen=True):
    """A header of a record."""

    name: str
    text: str | None = None
    base64: str | None = None


class ContentBody(Struct, kw_only=True, frozen=True):
    """Key, value and headers of a record, as far as they are stored."""

    key: Content
    value: Content
    headers: list[Header]


def content_body(content: LetterContent) -> ContentBody:
    """Return the content of a record for people."""
    return ContentBody(
        key=_content(content.key),
        value=_content(content.value),
        headers=[_header(name, value) for name, value in content.headers],
    )


def _content(stored: bytes | None) -> Content:
    if stored is None:
        return Content()
    try:
        return Content(text=stored.decode())
    except UnicodeDecodeError:
        return Content(base64=b64encode(stored).decode())


def _header(name: str, stored: bytes | None) -> Header:
    content = _content(stored)
    return Header(name=name, text=content.text, base64=content.base64)
