"""The secrets that this process was given for tasks: no line, result or error shows them or a usual form of them.

``redaction`` finds what looks like a secret; what is here need not look like one.
"""

import json
from base64 import b64encode
from collections.abc import Iterator
from typing import Any
from urllib.parse import quote, quote_plus

from onboarding_shared.telemetry.redaction import REDACTED

SHORTEST_SECRET = 8
"""Characters. A shorter one would be replaced in the middle of words."""
KNOWN: list[str] = []
"""Every form of every known secret, the longest first. It is empty in most processes, and looked at for each line."""

_URL_PATH = "!$%&'()*+,/:;=@[\\]^|"
_URL_QUERY = _URL_PATH + "?`{}"
"""What stays in a path and in a query: the percent-encode sets of https://url.spec.whatwg.org, as in httpx2."""
_OTHER_ALPHABET = str.maketrans("+/", "-_")


def remember_secret(secret: str) -> None:
    """Hide this text from now on, and its forms in JSON, in Python, in a URL, in a web form and in Base64.

    It is hidden in the Base64 of a longer text, too, but for a character at each end that it shares.
    Raises ``ValueError`` if it is too short.
    """
    if len(secret) < SHORTEST_SECRET:
        raise ValueError(f"a secret has at least {SHORTEST_SECRET} characters")
    as_json = (json.dumps(secret, ensure_ascii=ascii_only)[1:-1] for ascii_only in (True, False))
    in_urls = (quote(secret, safe=safe) for safe in ("", "/", _URL_PATH, _URL_QUERY))
    forms = {secret, *as_json, repr(secret)[1:-1], *in_urls, quote_plus(secret), *_in_base64(secret)}
    KNOWN[:] = sorted(forms.union(KNOWN), key=lambda form: (-len(form), form))


def _in_base64(secret: str) -> Iterator[str]:
    """The whole, and what is the same in every longer text, with 0, 1 or 2 bytes before it in a group of three."""
    data = secret.encode()
    alone = b64encode(data).decode()
    forms = [alone, alone.rstrip("=")]
    for before, shared in enumerate((0, 2, 3)):
        padded = bytes(before) + data
        forms.append(b64encode(padded).decode()[shared : len(padded) * 8 // 6])
    for form in forms:
        yield from (form, form.translate(_OTHER_ALPHABET))


def hide_known(text: str) -> str:
    """Replace the known secrets in a text by ``[redacted]``."""
    for secret in KNOWN:
        if secret in text:
            text = text.replace(secret, REDACTED)
    return text


def hide_known_in(value: Any) -> Any:
    """Copy a JSON value with the known secrets in its texts and names replaced."""
    if isinstance(value, str):
        return hide_known(value)
    if isinstance(value, dict):
        return {hide_known(name): hide_known_in(inner) for name, inner in value.items()}
    return [hide_known_in(inner) for inner in value] if isinstance(value, list) else value
