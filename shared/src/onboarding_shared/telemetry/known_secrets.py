"""The secrets that this process was given for tasks: no line, result or error shows them, whatever their form is.

``redaction`` finds what looks like a secret; what is here need not look like one.
"""

import json
from typing import Any
from urllib.parse import quote

from onboarding_shared.telemetry.redaction import REDACTED

SHORTEST_SECRET = 8
"""Characters. A shorter one would be replaced in the middle of words."""
KNOWN: list[str] = []
"""Every form of every known secret, the longest first. It is empty in most processes, and looked at for each line."""


def remember_secret(secret: str) -> None:
    """Hide this text from now on, also as JSON, as Python shows it, and in a URL.

    Raises ``ValueError`` if it is too short.
    """
    if len(secret) < SHORTEST_SECRET:
        raise ValueError(f"a secret has at least {SHORTEST_SECRET} characters")
    as_json = (json.dumps(secret, ensure_ascii=ascii_only)[1:-1] for ascii_only in (True, False))
    forms = {secret, *as_json, repr(secret)[1:-1], quote(secret, safe="")}
    KNOWN[:] = sorted(forms.union(KNOWN), key=lambda form: (-len(form), form))


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
