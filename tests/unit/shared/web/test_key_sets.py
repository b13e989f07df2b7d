import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from joserfc.jwk import ECKey, OctKey, RSAKey

from onboarding_shared.web.key_sets import KeySetError, parse_key_set


def document(*keys: object) -> bytes:
    return json.dumps({"keys": list(keys)}).encode()


RSA = dict(RSAKey.generate_key(2048, {"kid": "rsa"}).as_dict(private=False))
EC = ECKey.generate_key("P-256", {"kid": "ec"})
UNUSABLE: dict[str, Any] = {
    "for encryption": {**RSA, "kid": "other", "use": "enc"},
    "for another operation": {**RSA, "kid": "other", "key_ops": ["encrypt"]},
    "operations of another type": {**RSA, "kid": "other", "key_ops": 7},
    "of an unknown type": {"kty": "AKP", "kid": "other", "alg": "ML-DSA-44", "pub": "AAAA"},
    "without a type": {"kid": "other"},
    "of a type that is a list": {"kty": [], "kid": "other"},
    "of an unknown curve": {**EC.as_dict(private=False), "kid": "other", "crv": "P-999"},
    "of a curve without an algorithm": ECKey.generate_key("secp256k1", {"kid": "other"}).as_dict(private=False),
    "without a kid": {name: value for name, value in RSA.items() if name != "kid"},
    "with a kid that is a number": {**RSA, "kid": 7},
    "with an algorithm of another type": {**RSA, "kid": "other", "alg": ["RS256"]},
    "with an algorithm that does not fit": {**RSA, "kid": "other", "alg": "ES256"},
    "without its numbers": {"kty": "RSA", "kid": "other", "n": "AQ"},
    "with numbers of another type": {"kty": "RSA", "kid": "other", "n": 7, "e": {}},
    "secret": OctKey.generate_key(256, {"kid": "other"}).as_dict(private=True),
    "private": ECKey.generate_key("P-256", {"kid": "other"}).as_dict(private=True),
    "a number": 7,
    "nothing": None,
}


def test_a_key_verifies_with_algorithms_of_its_type_only() -> None:
    keys = parse_key_set(document(RSA, EC.as_dict(private=False))).keys
    assert keys["rsa"].algorithms == {"RS256", "RS384", "RS512", "PS256", "PS384", "PS512"}
    assert keys["ec"].algorithms == {"ES256"}


@pytest.mark.parametrize("entry", UNUSABLE.values(), ids=UNUSABLE)
def test_an_unusable_entry_is_ignored_and_its_neighbours_are_read(entry: object) -> None:
    read = parse_key_set(document(RSA, entry, EC.as_dict(private=False)))
    assert list(read.keys) == ["rsa", "ec"]
    assert len(read.ignored) == 1
    assert read.ignored[0].startswith("key 1: ")


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(st.text(max_size=3), inner, max_size=2),
    max_leaves=4,
)
MEMBERS = ("kty", "kid", "use", "key_ops", "alg", "crv", "n", "e", "x", "y", "x5c")


@given(
    entry=st.dictionaries(st.sampled_from(MEMBERS), JSON | st.sampled_from(["RSA", "EC", "OKP", "AQAB"]), max_size=8)
)
def test_no_entry_spoils_the_set(entry: dict[str, Any]) -> None:
    assert "rsa" in parse_key_set(document(entry, RSA)).keys


@pytest.mark.filterwarnings("ignore:Key size")
def test_a_short_rsa_key_is_ignored() -> None:
    short = RSAKey.generate_key(1024, {"kid": "small"}).as_dict(private=False)
    assert list(parse_key_set(document(short, RSA)).keys) == ["rsa"]


def test_of_two_entries_with_the_same_kid_the_first_is_used() -> None:
    second = {**EC.as_dict(private=False), "kid": "rsa"}
    assert parse_key_set(document(RSA, second)).keys["rsa"].key.kid == "rsa"
    assert "RS256" in parse_key_set(document(RSA, second)).keys["rsa"].algorithms


@pytest.mark.parametrize("keys", [[], [UNUSABLE["secret"]]], ids=["empty", "nothing usable"])
def test_a_set_without_a_usable_key_is_an_empty_set(keys: list[Any]) -> None:
    assert parse_key_set(document(*keys)).keys == {}


@pytest.mark.parametrize(
    "wrong",
    [b"", b"no", b"[]", b"{}", b'{"keys": 1}', b'{"keys": {}}', b"\xff", b"[" * 9000, b'{"keys": [' + b"[" * 9000],
    ids=["empty", "text", "list", "no-keys", "number", "object", "bytes", "nested", "nested-keys"],
)
def test_a_document_that_is_no_key_set_is_refused(wrong: bytes) -> None:
    with pytest.raises(KeySetError):
        parse_key_set(wrong)
