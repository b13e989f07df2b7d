"""The keys of a JSON Web Key Set (RFC 7517) that can check the signature of a token. Pure.

Which key a token names only selects among these keys. Nothing inside a token (``jku``, ``jwk``, ``x5u``) is followed.
"""

from collections.abc import Mapping
from typing import Any, NamedTuple

import msgspec
from joserfc.jwk import ECKey, JWKRegistry, Key, OKPKey, RSAKey

MIN_RSA_BITS = 2048

_EC_ALGORITHMS = {"P-256": "ES256", "P-384": "ES384", "P-521": "ES512"}
_RSA_ALGORITHMS = frozenset({"RS256", "RS384", "RS512", "PS256", "PS384", "PS512"})


class KeySetError(Exception):
    """The key set could not be read."""


class VerificationKey(NamedTuple):
    """A public key and the signature algorithms it may be used with."""

    key: Key
    algorithms: frozenset[str]


KeySet = Mapping[str, VerificationKey]


class ReadKeySet(NamedTuple):
    """The usable keys of a document by their ``kid``, and the reason for which each other entry is ignored."""

    keys: KeySet
    ignored: tuple[str, ...]


class _Unusable(Exception):
    """An entry is no key that can check a signature; the text says why."""


def parse_key_set(document: bytes) -> ReadKeySet:
    """Read a JWKS document. Unusable entries are ignored one by one (RFC 7517, 5), so that none spoils a rotation.

    Secret and private keys are unusable: whoever reads the published set could sign with them. A document without a
    usable key is an empty set, which accepts no token. Raises ``KeySetError`` for anything but a key set.
    """
    try:
        entries = msgspec.json.decode(document, type=dict[str, Any])["keys"]
    except (msgspec.MsgspecError, UnicodeDecodeError, KeyError, RecursionError) as error:
        raise KeySetError(f"not a JSON Web Key Set ({type(error).__name__})") from error
    if not isinstance(entries, list):
        raise KeySetError("not a JSON Web Key Set (keys is not a list)")
    keys: dict[str, VerificationKey] = {}
    ignored: list[str] = []
    for place, entry in enumerate(entries):
        try:
            key_id, key = _usable(entry)
            if key_id in keys:
                raise _Unusable("an earlier one has the same kid")
            keys[key_id] = key
        except _Unusable as reason:
            ignored.append(f"key {place}: {reason}")
    return ReadKeySet(keys, tuple(ignored))


def _usable(entry: object) -> tuple[str, VerificationKey]:
    if not isinstance(entry, dict):
        raise _Unusable("not an object")
    if entry.get("kty") == "oct" or "d" in entry:
        raise _Unusable("a secret key; publish the public keys only")
    if entry.get("kty") not in ("RSA", "EC", "OKP"):
        raise _Unusable("its kty is not RSA, EC or OKP")
    if not isinstance(key_id := entry.get("kid"), str):
        raise _Unusable("it has no kid")
    if entry.get("use", "sig") != "sig" or not _may_verify(entry.get("key_ops", ["verify"])):
        raise _Unusable("not for checking signatures")
    try:
        key = JWKRegistry.import_key(entry)
    except Exception as error:  # of joserfc, of cryptography below it, or of Python for a value of another type
        raise _Unusable(f"malformed ({type(error).__name__})") from error
    algorithms = _algorithms(key)
    if "alg" in entry:
        algorithms = frozenset(name for name in algorithms if name == entry["alg"])
    if not algorithms:
        raise _Unusable("no signature algorithm of ours fits it")
    return key_id, VerificationKey(key, algorithms)


def _may_verify(operations: object) -> bool:
    return isinstance(operations, list) and "verify" in operations


def _algorithms(key: Key) -> frozenset[str]:
    if isinstance(key, RSAKey):
        if key.raw_value.key_size < MIN_RSA_BITS:
            raise _Unusable(f"an RSA key under {MIN_RSA_BITS} bits")
        return _RSA_ALGORITHMS
    if isinstance(key, ECKey):
        return frozenset({_EC_ALGORITHMS[key.curve_name]} if key.curve_name in _EC_ALGORITHMS else ())
    return frozenset({"EdDSA"} if isinstance(key, OKPKey) and key.curve_name == "Ed25519" else ())
