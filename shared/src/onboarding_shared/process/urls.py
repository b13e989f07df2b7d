"""Rules for addresses in settings and in what other programs answer. Pure."""

import re
from urllib.parse import urlsplit

_ORIGIN = re.compile(r"(?!http://.*:80$)(?!https://.*:443$)https?://[a-z0-9.-]+(:[1-9][0-9]{0,4})?")
_LOOPBACK = ("localhost", "127.0.0.1", "::1")


def is_origin(text: str) -> bool:
    """True for an origin as browsers send it: scheme, host and a port that is not the scheme's own."""
    return _ORIGIN.fullmatch(text) is not None


def is_secure(url: str) -> bool:
    """True for https, and for http on this machine."""
    try:
        parts = urlsplit(url)
        host = parts.hostname
    except ValueError:
        return False
    return bool(host) and (parts.scheme == "https" or (parts.scheme == "http" and host in _LOOPBACK))
