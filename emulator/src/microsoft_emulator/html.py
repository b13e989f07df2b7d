"""HTML pages for people: without scripts, with forms that are valid for one page only."""

import hashlib
import hmac
import secrets
from collections.abc import Sequence
from html import escape
from typing import Any

from litestar import Response

_KEY = secrets.token_bytes(32)
_STYLE = "body{font-family:sans-serif;max-width:42rem;margin:2rem auto;padding:0 1rem}button{margin-right:1rem}"
_HEADERS = {
    "Content-Security-Policy": "default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'none'",
    "Cache-Control": "no-store",
    "Referrer-Policy": "no-referrer",
}


def page(title: str, *parts: str, status: int = 200) -> Response[Any]:
    """A page with a heading and parts in HTML."""
    head = f'<meta charset="utf-8"><title>{escape(title)}</title><style>{_STYLE}</style>'
    body = f"<h1>{escape(title)}</h1>{''.join(parts)}"
    text = f'<!doctype html><html lang="en"><head>{head}</head><body>{body}</body></html>'
    return Response(text, status_code=status, headers=_HEADERS, media_type="text/html")


def error_page(number: str, text: str) -> Response[Any]:
    """The page of an error that only this page shows."""
    return page("We cannot continue", paragraph(f"AADSTS{number}: {text}"), status=400)


def paragraph(text: str) -> str:
    """A paragraph of plain text."""
    return f"<p>{escape(text)}</p>"


def listed(items: Sequence[str]) -> str:
    """A list of plain texts."""
    return f"<ul>{''.join(f'<li>{escape(item)}</li>' for item in items)}</ul>"


def form(subject: str, buttons: Sequence[tuple[str, str]], *fields: str) -> str:
    """A form that is posted to its own page; ``fields`` are HTML."""
    hidden = f'<input type="hidden" name="token" value="{escape(form_token(subject))}">'
    choices = "".join(
        f'<button name="decision" value="{escape(value)}"{_skips_fields(value)}>{escape(label)}</button>'
        for value, label in buttons
    )
    return f'<form method="post">{hidden}{"".join(fields)}<p>{choices}</p></form>'


def tenant_field(tenant: str | None) -> str:
    """A field for the tenant; nothing if it is known."""
    return "" if tenant else '<p><label>Your tenant <input name="tenant" required></label></p>'


def choice(name: str, label: str, options: Sequence[tuple[str, str]], chosen: str | None) -> str:
    """A list of (value, text) to choose from."""
    listed_options = "".join(
        f'<option value="{escape(value)}"{" selected" if value == chosen else ""}>{escape(text)}</option>'
        for value, text in options
    )
    return f'<p><label>{escape(label)} <select name="{escape(name)}">{listed_options}</select></label></p>'


def _skips_fields(value: str) -> str:
    return " formnovalidate" if value == "cancel" else ""


def form_token(subject: str) -> str:
    """The token that proves that a form comes from the page about ``subject``."""
    return hmac.digest(_KEY, subject.encode(), hashlib.sha256).hex()


def is_valid(subject: str, token: str) -> bool:
    """True if the token is that of the page about ``subject``."""
    return hmac.compare_digest(form_token(subject).encode(), token.encode())
