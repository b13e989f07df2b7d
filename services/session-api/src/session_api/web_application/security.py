"""The headers that bound what the web application may load, run and reach."""

from collections.abc import Collection, Mapping
from urllib.parse import urlsplit


def security_headers(provider_urls: Collection[str] = ()) -> Mapping[str, str]:
    """The headers of every file. ``provider_urls`` are what the page may reach besides this service, to sign in."""
    connect = " ".join(["'self'", *sorted({origin_of(url) for url in provider_urls})])
    policy = {
        "default-src": "'none'",
        "script-src": "'self'",
        "style-src": "'self'",
        "connect-src": connect,
        "img-src": "'self' data:",
        "base-uri": "'none'",
        "form-action": "'none'",
        "frame-ancestors": "'none'",
    }
    return {
        "Content-Security-Policy": "; ".join(f"{name} {value}" for name, value in policy.items()),
        "Referrer-Policy": "no-referrer",
        "Cross-Origin-Opener-Policy": "same-origin",
        "Cache-Control": "no-cache",
    }


def origin_of(url: str) -> str:
    """Scheme, host and port of an address."""
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.netloc}"
