import asyncio
import json
import os
from pathlib import Path
from typing import Any

import pytest
from joserfc.jwk import ECKey, OctKey, RSAKey

from onboarding_shared.process.service_settings import IdentitySettings
from onboarding_shared.process.settings import SettingsError
from onboarding_shared.web import key_sets
from onboarding_shared.web.errors import Unauthorized
from onboarding_shared.web.identity import Authenticator
from onboarding_shared.web.key_sets import FileKeys, KeySetError, parse_key_set
from tests.support.signing import ISSUER, Signer


def document(*keys: dict[str, Any]) -> bytes:
    return json.dumps({"keys": list(keys)}).encode()


RSA = dict(RSAKey.generate_key(2048, {"kid": "rsa"}).as_dict(private=False))
EC = ECKey.generate_key("P-256", {"kid": "ec"})


def test_a_key_verifies_with_algorithms_of_its_type_only() -> None:
    keys = parse_key_set(document(RSA, EC.as_dict(private=False)))
    assert keys["rsa"].algorithms == {"RS256", "RS384", "RS512", "PS256", "PS384", "PS512"}
    assert keys["ec"].algorithms == {"ES256"}


def test_keys_that_cannot_check_a_signature_are_left_out() -> None:
    other = [{**RSA, "kid": "enc", "use": "enc"}, {**RSA, "kid": "ops", "key_ops": ["encrypt"]}]
    unknown = {"kty": "AKP", "kid": "post-quantum", "alg": "ML-DSA-44", "pub": "AAAA"}
    nameless = {name: value for name, value in RSA.items() if name != "kid"}
    assert list(parse_key_set(document(RSA, *other, unknown, nameless))) == ["rsa"]


@pytest.mark.parametrize(
    "wrong",
    [
        b"",
        b"no",
        b"[]",
        b"{}",
        b'{"keys": 1}',
        b'{"keys": [1]}',
        b'{"keys": []}',
        b'{"keys": [{"kty": "RSA", "kid": "a", "n": "AQ"}]}',
        b"\xff",
        document(dict(EC.as_dict(private=True))),
        document(dict(OctKey.generate_key(256, {"kid": "o"}).as_dict(private=True))),
    ],
    ids=["empty", "text", "list", "no-keys", "number", "not-a-key", "none", "short", "bytes", "private", "secret"],
)
def test_a_document_that_cannot_be_trusted_is_refused(wrong: bytes) -> None:
    with pytest.raises(KeySetError):
        parse_key_set(wrong)


@pytest.mark.filterwarnings("ignore:Key size")
def test_a_short_rsa_key_is_refused() -> None:
    with pytest.raises(KeySetError, match="2048"):
        parse_key_set(document(dict(RSAKey.generate_key(1024, {"kid": "small"}).as_dict(private=False))))


def test_a_missing_key_set_file_stops_the_start(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match="ONBOARDING_JWKS"):
        Authenticator(IdentitySettings(jwks=str(tmp_path / "absent.json"), issuer=ISSUER))


@pytest.mark.parametrize("url", ["http://issuer.test/jwks", "http://localhost.issuer.test/jwks"])
def test_a_key_set_url_must_be_https(url: str) -> None:
    with pytest.raises(SettingsError, match="https"):
        Authenticator(IdentitySettings(jwks=url, issuer=ISSUER))


async def test_a_changed_file_is_read_again_and_forgets_verified_tokens(
    monkeypatch: pytest.MonkeyPatch, jwks_file: Path, identity: IdentitySettings, signer: Signer
) -> None:
    monkeypatch.setattr(key_sets, "FILE_LOOK_SECONDS", 0.0)
    authenticator = Authenticator(identity)
    token = signer.token()
    assert await authenticator.authenticate(token)
    successor = Signer(RSAKey.generate_key(2048, auto_kid=True))
    jwks_file.write_text(json.dumps(successor.public()), encoding="utf-8")
    assert await authenticator.authenticate(successor.token())
    with pytest.raises(Unauthorized):
        await authenticator.authenticate(token)


async def test_a_file_that_became_unreadable_leaves_the_last_keys(
    monkeypatch: pytest.MonkeyPatch, jwks_file: Path
) -> None:
    monkeypatch.setattr(key_sets, "FILE_LOOK_SECONDS", 0.0)
    keys = FileKeys(str(jwks_file))
    before = await keys.refresh()
    jwks_file.write_text("half a docu", encoding="utf-8")
    assert await keys.refresh() is before


async def test_a_key_set_that_became_a_pipe_keeps_the_last_keys_and_blocks_nothing(tmp_path: Path) -> None:
    path = tmp_path / "jwks.json"
    path.write_bytes(document(RSA))
    keys = FileKeys(str(path))
    path.unlink()
    os.mkfifo(path)

    async with asyncio.timeout(3):
        assert list(await keys.refresh()) == ["rsa"]
