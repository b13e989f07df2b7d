"""Hides secrets in what leaves a process: values whose name says so, and texts that look like a secret.

Pure, linear in the length of its input, and safe to apply twice. Names are compared word by word, so that
``tokenLifetimePolicies`` or ``secretary`` stay readable. Sources of the shapes of Microsoft's secrets:
https://learn.microsoft.com/azure/storage/common/storage-configure-connection-string for account keys and connection
strings, and the rule ``azure-ad-client-secret`` of gitleaks for client secrets.
"""

import re
from collections.abc import Mapping, Sequence, Set
from functools import lru_cache
from typing import Any

REDACTED = "[redacted]"

_LONGEST_NAME = 100
_WORDS = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+|[0-9]+")
_LAST_WORDS = frozenset({"assertion", "authorization", "bearer", "cookie", "jwt", "pwd", "sas", "token"})
_ENDINGS = (
    "accesskey", "accesstoken", "accountkey", "apikey", "authcode", "authorizationcode", "clientsecret",
    "connectionstring", "devicecode", "encryptionkey", "functionkey", "functionskey", "idtoken", "masterkey",
    "passphrase", "passwd", "password", "passwordcredential", "privatekey", "refreshtoken", "secret", "secretkey",
    "sharedkey", "signingkey", "sshkey", "storagekey", "subscriptionkey",
)  # fmt: skip
_AFTERTHOUGHTS = frozenset({"base", "data", "encoded", "hash", "pem", "plain", "raw", "text", "value"})
_WHOLE_NAMES = frozenset({"credential", "credentials", "jws", "sig"})

_HIDDEN = re.escape(REDACTED)
_QUOTED = r""""(?:[^"\\\r\n]|\\.)*+"?|'(?:[^'\\\r\n]|\\.)*+'?|\\{1,4}+["'][^"'\\\r\n]*+"""
"""In quotes; the third way is a text inside a text, whose quotes are escaped."""
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
"""What must be in the lower-cased text before a pattern is tried, the pattern, and what is put in its place."""


def redact_text(text: str) -> str:
    """The text with what looks like a secret in it replaced by ``[redacted]``."""
    lowered = text.lower()
    for hints, pattern, replacement in _PATTERNS:
        for hint in hints:
            if hint in lowered:
                text = pattern.sub(replacement, text)
                break
    return text


def names_a_secret(name: str) -> bool:
    """Whether the value under this name is a secret: ``client_secret`` and ``passwordCredentials`` are such names."""
    return _names_a_secret(name[-_LONGEST_NAME:])


@lru_cache(maxsize=4096)
def _names_a_secret(name: str) -> bool:
    if name.lower() in _WHOLE_NAMES:
        return True
    words = [word.lower() for word in _WORDS.findall(name)]
    if _ends_in_a_secret(words):
        return True
    return bool(words) and (words[-1] in _AFTERTHOUGHTS or words[-1].isdigit()) and _ends_in_a_secret(words[:-1])


def _ends_in_a_secret(words: Sequence[str]) -> bool:
    if not words:
        return False
    last, joined = words[-1].removesuffix("s"), "".join(words).removesuffix("s")
    return last in _LAST_WORDS or words[-1] in _LAST_WORDS or joined.endswith(_ENDINGS)


def hides(name: str, value: object) -> bool:
    """Whether this value has to be hidden for its name: numbers, true, false, null and what is empty never are."""
    return not isinstance(value, (int, float)) and bool(value) and names_a_secret(name)


def meant_name(members: Mapping[Any, Any], key: str) -> str:
    """The name of what stands under ``key``: that of ``value`` is told by ``name`` or ``key`` beside it, if there."""
    if key.lower() == "value":
        for other, told in members.items():
            if str(other).lower() in ("name", "key") and isinstance(told, str):
                return told
    return key


def redact(value: Any, name: str = "", depth: int = 5) -> Any:
    """A copy of the value, which stands under ``name``, with all secrets in it replaced, down to ``depth`` levels."""
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
