"""The texts that are let in: UTF-8 without NUL and without half surrogate pairs, and JSON that is not nested too deep.

PostgreSQL stores neither NUL nor surrogates, and JSON decoders recurse: so these are looked for before anything is
decoded. All functions are pure and linear in the length of their input.
"""

import re
from urllib.parse import unquote_to_bytes

from onboarding_shared.web.errors import BadRequest, NotFound

MAX_DEPTH = 32

_ESCAPE = re.compile(rb"\\(?:u([0-9a-fA-F]{4})|.)", re.DOTALL)
# One alternative eats a whole string, closed or not, without backtracking, so brackets inside strings do not count.
_STRUCTURE = re.compile(rb'"(?:[^"\\]++|\\.)*+"?|([\[{])|([\]}])', re.DOTALL)


def check_json_text(body: bytes) -> None:
    """Raises ``BadRequest`` (INVALID_UTF8, NUL_CHARACTER, LONE_SURROGATE, NESTING_TOO_DEEP) for a body to refuse."""
    _check_bytes(body, "body")
    if b"\\u" in body:
        _check_escapes(body)
    if body.count(b"[") + body.count(b"{") > MAX_DEPTH and _depth_exceeds(body, MAX_DEPTH):
        raise BadRequest("NESTING_TOO_DEEP", f"The body is nested deeper than {MAX_DEPTH} levels")


def check_path_text(encoded: bytes) -> None:
    """The same rules for a percent-encoded path. Raises ``NotFound`` for an encoded slash: it separates no segments."""
    check_url_text(encoded, "path")
    if b"%2f" in encoded.lower():
        raise NotFound("ROUTE_NOT_FOUND", "There is nothing at this path")


def check_url_text(encoded: bytes, place: str) -> None:
    """The same rules for a percent-encoded path or query; ``place`` names it in the message."""
    if b"%" in encoded:
        encoded = unquote_to_bytes(encoded)
    _check_bytes(encoded, place)


def _check_bytes(text: bytes, place: str) -> None:
    if b"\x00" in text:
        raise BadRequest("NUL_CHARACTER", f"The {place} contains the character NUL")
    if text.isascii():
        return
    try:
        text.decode("utf-8")
    except UnicodeDecodeError as error:
        # UTF-8 has no surrogates; a decoder meets one as three bytes ED A0..BF xx.
        surrogate = text[error.start] == 0xED and error.start + 1 < len(text) and text[error.start + 1] >= 0xA0
        code = "LONE_SURROGATE" if surrogate else "INVALID_UTF8"
        raise BadRequest(code, f"The {place} is not UTF-8 (byte {error.start})") from error


def _check_escapes(body: bytes) -> None:
    expected_low_at = -1
    for escape in _ESCAPE.finditer(body):
        digits = escape[1]
        unit = int(digits, 16) if digits else -1
        is_low = 0xDC00 <= unit <= 0xDFFF
        if expected_low_at >= 0 and not (is_low and escape.start() == expected_low_at):
            raise _lone_surrogate()
        if unit == 0:
            raise BadRequest("NUL_CHARACTER", "The body contains the character NUL (\\u0000)")
        if is_low and expected_low_at < 0:
            raise _lone_surrogate()
        expected_low_at = escape.end() if 0xD800 <= unit <= 0xDBFF else -1
    if expected_low_at >= 0:
        raise _lone_surrogate()


def _lone_surrogate() -> BadRequest:
    return BadRequest("LONE_SURROGATE", "The body contains half of a surrogate pair")


def _depth_exceeds(body: bytes, limit: int) -> bool:
    depth = 0
    for token in _STRUCTURE.finditer(body):
        if token[1]:
            depth += 1
            if depth > limit:
                return True
        elif token[2]:
            depth -= 1
    return False
