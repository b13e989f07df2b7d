"""Redacts secrets in log lines and messages: values with the name of a secret, and text in the form of a secret.

Pure, linear in the length of its input, and idempotent. Names are compared word by word, so that
``tokenLifetimePolicies`` and ``secretary`` are not redacted. Sources of the formats of Microsoft's secrets:
https://learn.microsoft.com/azure/storage/common/storage-configure-connection-string for account keys and connection
strings, and the rule ``azure-ad-client-secret`` of gitleaks for client secrets.
"""

import re
from collections.abc import Mapping, MutableMapping, Sequence, Set
from functools import lru_cache
from typing import Any

REDACTED = "[redacted]"

LONGEST_NAME = 100
"""The number of characters at the end of a name that tell whether it is that of a secret."""
_WORDS = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+|[0-9]+")
_LAST_WORDS = frozenset({"assertion", "authorization", "bearer", "cookie", "jwt", "pwd", "sas", "token"})
_ENDINGS = (
    "accesskey", "accesstoken", "accountkey", "apikey", "authcode", "authorizationcode", "clientsecret",
    "connectionstring", "devicecode", "encryptionkey", "functionkey", "functionskey", "idtoken", "masterkey",
    "passphrase", "passwd", "password", "passwordcredential", "privatekey", "refreshtoken", "secret", "secretkey",
    "sharedkey", "signingkey", "sshkey", "storagekey", "subscriptionkey",
)  # fmt: skip
_SUFFIXES = frozenset({"base", "data", "encoded", "hash", "pem", "plain", "raw", "text", "value"})
_WHOLE_NAMES = frozenset({"credential", "credentials", "jws", "sig"})

_HIDDEN = re.escape(REDACTED)
_QUOTED = r""""(?:[^"\\\r\n]|\\.)*+"?|'(?:[^'\\\r\n]|\\.)*+'?|\\{1,4}+["'][^"'\\\r\n]*+"""
"""A quoted value; the third alternative is a value inside a quoted text, with escaped quotes."""
_VALUE = rf"""(?!["']?{_HIDDEN})(?:{_QUOTED}|[^\s&;,"'}}\])]+)"""
_NAMES = (
    r"(?:password|passwd|passphrase|\bpwd|secret(?:[_-]?(?:key|value|text))?|client[_-]?assertion"
    r"|(?:access|refresh|session|bearer|\bsas|\bid|_id|\bo?auth)[_-]?token|\btoken(?=\\{0,4}[\"']\s{0,5}[:=]|=)"
    r"|(?:api|access|account|private|shared|storage|master|subscription|functions?)[_-]?key|sharedaccesssignature"
    r"|connection[_-]?string)"
)
_IS = r"\\{0,4}+[\"']?+\s{0,5}+(?:[:=]|%3D)\s{0,5}+"
_PATTERNS: tuple[tuple[tuple[str, ...], re.Pattern[str], str], ...] = (
    (
        ("private key-----",),
        re.compile(r"-----BEGIN [A-Z ]{0,40}PRIVATE KEY-----.*?(?:-----END [A-Z ]{0,40}PRIVATE KEY-----|\Z)", re.S),
        REDACTED,
    ),
    (("://",), re.compile(r"(://[^/\s:@]*:)[^@\s/]+(@)"), rf"\1{REDACTED}\2"),
    (
        ("authorization", "cookie"),
        re.compile(rf"(?i)((?:authorization|cookie){_IS}[\"']?+)(?!{_HIDDEN})[^\r\n\"']+"),
        rf"\1{REDACTED}",
    ),
    (("bearer",), re.compile(r"(?i)(\bbearer\s{1,5})[A-Za-z0-9._~+/=-]{8,}"), rf"\1{REDACTED}"),
    (("basic",), re.compile(r"(?i)(\bbasic\s{1,5})(?=[a-z]*[0-9+/=])[A-Za-z0-9+/]{8,}={0,2}"), rf"\1{REDACTED}"),
    (("eyj",), re.compile(r"(?<![A-Za-z0-9_-])eyJ[A-Za-z0-9_-]{6,}(?:\.[A-Za-z0-9_-]*){1,4}"), REDACTED),
    (
        ("pass", "pwd", "secret", "token", "key", "assertion", "signature", "connection"),
        re.compile(rf"(?i)({_NAMES}{_IS}){_VALUE}"),
        rf"\1{REDACTED}",
    ),
    (("sig=",), re.compile(rf"(?i)([?&;\s]sig=)(?!{_HIDDEN})[^&\s\"']+"), rf"\1{REDACTED}"),
    (("q~",), re.compile(r"(?<![A-Za-z0-9_.~-])[A-Za-z0-9_.~-]{3}[0-9]Q~[A-Za-z0-9_.~-]{31,34}"), REDACTED),
    (("==",), re.compile(r"(?<![A-Za-z0-9+/])[A-Za-z0-9+/]{86}=="), REDACTED),
    (("0.a", "1.a"), re.compile(r"(?<![A-Za-z0-9_.-])[01]\.A[A-Za-z0-9_-]{40,}(?:\.[A-Za-z0-9_-]*)*"), REDACTED),
)
"""Substrings of the lower-cased text, one of which is a condition for the pattern; the pattern; its replacement."""
_PLAIN = re.compile(r"(?![^\n]*eyJ)(?:[A-Za-z0-9_/{}-]*+|[a-z][a-z0-9_.]*+|[0-9TZ:.+-]*+)\Z")
"""Words, paths, ids, task types and times, which most values of a log line are. Of the patterns only one of a token can
look like them."""

plain_match = _PLAIN.match
"""``is_plain`` in one call: the match, or None."""


def is_plain(text: str) -> bool:
    """True if the text needs no closer look: it is in no form of a secret."""
    return plain_match(text) is not None


def redact_text(text: str) -> str:
    """Replace text in the form of a secret by ``[redacted]``."""
    if plain_match(text):
        return text
    lowered = text.lower()
    for hints, pattern, replacement in _PATTERNS:
        for hint in hints:
            if hint in lowered:
                text = pattern.sub(replacement, text)
                break
    return text


def names_a_secret(name: str) -> bool:
    """True if the name is that of a secret, for example ``client_secret`` or ``passwordCredentials``."""
    return name_end_is_secret(name[-LONGEST_NAME:])


@lru_cache(maxsize=4096)
def name_end_is_secret(name: str) -> bool:
    """``names_a_secret`` of a name of at most ``LONGEST_NAME`` characters; cheaper where many names are looked at."""
    if name.lower() in _WHOLE_NAMES:
        return True
    words = [word.lower() for word in _WORDS.findall(name)]
    if _ends_in_a_secret(words):
        return True
    return bool(words) and (words[-1] in _SUFFIXES or words[-1].isdigit()) and _ends_in_a_secret(words[:-1])


def _ends_in_a_secret(words: Sequence[str]) -> bool:
    if not words:
        return False
    last, joined = words[-1].removesuffix("s"), "".join(words).removesuffix("s")
    return last in _LAST_WORDS or words[-1] in _LAST_WORDS or joined.endswith(_ENDINGS)


def hides(name: str, value: object) -> bool:
    """True if the value must be redacted for its name. Numbers, booleans, null and empty values never are."""
    return not isinstance(value, (int, float)) and bool(value) and names_a_secret(name)


def redact_members(members: MutableMapping[str, Any]) -> None:
    """Replace all secrets in the values. Most values need one look only, which is taken here."""
    for name, value in members.items():
        kind = type(value)
        if value is None or kind is int or kind is float or kind is bool:
            continue
        if kind is str and plain_match(value) and not name_end_is_secret(name[-LONGEST_NAME:]):
            continue
        members[name] = redact(value, name)


def meant_name(members: Mapping[Any, Any], key: str) -> str:
    """The name of the member ``key``; for a member ``value`` it is the content of its sibling ``name`` or ``key``."""
    if key.lower() == "value":
        for other, sibling in members.items():
            if str(other).lower() in ("name", "key") and isinstance(sibling, str):
                return sibling
    return key


def redact(value: Any, name: str = "", depth: int = 5) -> Any:
    """Copy the value of the member ``name`` with all secrets in it replaced, down to ``depth`` levels."""
    if value is None or isinstance(value, (int, float)):
        return value
    if hides(name, value):
        return REDACTED
    if isinstance(value, str):
        return redact_text(value)
    if depth <= 0:
        return redact_text(repr(value))
    if isinstance(value, Mapping):
        return {key: redact(inner, meant_name(value, str(key)), depth - 1) for key, inner in value.items()}
    if isinstance(value, (Sequence, Set)) and not isinstance(value, (bytes, bytearray)):
        return [redact(inner, name, depth - 1) for inner in value]
    return value
