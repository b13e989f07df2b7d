"""The pages that an administrator sees after Microsoft. They say nothing about the tenant and load nothing."""

from base64 import b64encode
from dataclasses import dataclass
from hashlib import sha256
from html import escape

from session_api.domain.consent import ConsentState

_STYLE = (
    "body{font:18px/1.5 system-ui,sans-serif;max-width:36rem;margin:4rem auto;padding:0 1rem;color-scheme:light dark}"
)
_STYLE_HASH = b64encode(sha256(_STYLE.encode()).digest()).decode()

HEADERS = {
    "Content-Security-Policy": f"default-src 'none'; style-src 'sha256-{_STYLE_HASH}'; base-uri 'none'; "
    "form-action 'none'; frame-ancestors 'none'",
    "Referrer-Policy": "no-referrer",
    "Cache-Control": "no-store",
}
"""Headers of each page; every answer of the service has ``X-Content-Type-Options`` besides."""


@dataclass(frozen=True, slots=True)
class ConsentPage:
    """A page with its status."""

    status: int
    title: str
    text: str

    @property
    def html(self) -> str:
        """The whole document."""
        title, text = escape(self.title), escape(self.text)
        return (
            '<!doctype html><html lang="en"><head><meta charset="utf-8">'
            '<meta name="viewport" content="width=device-width"><meta name="robots" content="noindex">'
            f"<title>{title}</title><style>{_STYLE}</style></head><body><h1>{title}</h1><p>{text}</p></body></html>"
        )


UNKNOWN = ConsentPage(
    400, "This link is not known", "Please open the link that you were sent once more, or ask for a new one."
)
UNAVAILABLE = ConsentPage(
    503, "Please try again", "The answer could not be recorded. Load this page again in a minute."
)
PAGES = {
    ConsentState.REPORTED: ConsentPage(
        200, "Thank you", "The answer was received and is being checked. You can close this page."
    ),
    ConsentState.DECLINED: ConsentPage(
        200,
        "The consent was not given",
        "Nothing was changed. If that was not intended, open the link once more and accept.",
    ),
    ConsentState.WRONG_TENANT: ConsentPage(
        200,
        "This was another organisation",
        "The consent was given for another organisation than the link is for. "
        "Please open the link once more and sign in as an administrator of the right one.",
    ),
    ConsentState.EXPIRED: ConsentPage(410, "This link has expired", "Please ask whoever sent it for a new one."),
}
"""The page for each claim of an answer."""
