"""The pages of the provider: choose a person, and why a request cannot be answered. They load nothing."""

from base64 import b64encode
from hashlib import sha256
from html import escape

from onboarding_devstack.provider.people import PEOPLE

_STYLE = (
    ":root{color-scheme:light dark}body{font:16px/1.5 system-ui,sans-serif;max-width:30rem;margin:10vh auto;"
    "padding:0 1rem}h1{font-size:1.5rem}ul{list-style:none;padding:0}li{margin:.5rem 0}button{font:inherit;width:100%;"
    "text-align:left;padding:.75rem 1rem;border:1px solid GrayText;border-radius:.5rem;background:Canvas;"
    "color:CanvasText;cursor:pointer}button:hover,button:focus-visible{outline:3px solid Highlight}"
    "strong{display:block}.cancel{width:auto}"
)
_STYLE_HASH = b64encode(sha256(_STYLE.encode()).digest()).decode()


def policy(origins: frozenset[str]) -> str:
    """The Content-Security-Policy; ``origins`` are those to which an answered form redirects."""
    targets = " ".join(["'self'", *sorted(origins)])
    return (
        f"default-src 'none'; style-src 'sha256-{_STYLE_HASH}'; form-action {targets}; base-uri 'none'; "
        "frame-ancestors 'none'"
    )


def choose_page(ticket: str) -> str:
    """The page with a button for each person."""
    buttons = "".join(
        f'<li><button name="person" value="{key}"><strong>{escape(person.name)}</strong>{escape(person.text)}</button>'
        for key, person in PEOPLE.items()
    )
    return _page(
        "Sign in to Onboarding",
        "<p>This is the identity provider of the embedded system. Choose who you are; there is no password.</p>"
        f'<form method="post" action="/authorize"><input type="hidden" name="request" value="{escape(ticket)}">'
        f'<ul aria-label="People">{buttons}</ul>'
        '<button class="cancel" name="person" value="">Cancel</button></form>',
    )


def error_page(text: str) -> str:
    """The page where an answer can be sent nowhere."""
    return _page(
        "Sign-in is not possible", f"<p>{escape(text)}</p><p>Go back to the application and sign in again.</p>"
    )


def signed_out_page() -> str:
    """The page after a sign-out that leads nowhere."""
    return _page("You are signed out", "<p>You can close this page.</p>")


def _page(title: str, body: str) -> str:
    return (
        '<!doctype html><html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width">'
        f"<title>{escape(title)}</title><style>{_STYLE}</style></head>"
        f"<body><main><h1>{escape(title)}</h1>{body}</main></body></html>"
    )
