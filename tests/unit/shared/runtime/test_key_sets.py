import asyncio
import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from joserfc.jwk import ECKey, KeySet, OctKey, RSAKey

from onboarding_shared.process.settings import IdentitySettings, SettingsError
from onboarding_shared.web import key_sets
from onboarding_shared.web.errors import DependencyDown, Unauthorized
from onboarding_shared.web.identity import Authenticator
from onboarding_shared.web.key_sets import FileKeys, KeySetError, UrlKeys, parse_key_set
from tests.unit.shared.runtime.conftest import ISSUER, Signer


def document(*keys: dict[str, Any]) -> bytes:
    return json.dumps({"keys": list(keys)}).encode()


RSA = dict(RSAKey.generate_key(2048, {"kid": "rsa"}).as_dict(private=False))
EC = ECKey.generate_key("P-256", {"kid": "ec"})


def test_a_key_may_be_used_with_the_algorithms_of_its_kind_only() -> None:
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


class Issuer:
    """A real HTTP server that publishes a key set and counts who asks."""

    def __init__(self) -> None:
        self.answer = b""
        self.status = "200 OK"
        self.asked = 0
        self.url = ""

    async def handle(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        self.asked += 1
        head = f"HTTP/1.1 {self.status}\r\nLocation: /other\r\nContent-Length: {len(self.answer)}\r\n"
        writer.write(f"{head}Connection: close\r\n\r\n".encode() + self.answer)
        await writer.drain()
        writer.close()


@pytest.fixture
async def issuer(signer: Signer) -> AsyncIterator[Issuer]:
    issuer = Issuer()
    issuer.answer = json.dumps(signer.public()).encode()
    server = await asyncio.start_server(issuer.handle, "127.0.0.1", 0)
    issuer.url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/jwks"
    yield issuer
    server.close()


async def test_a_url_is_fetched_when_first_needed_and_then_kept(issuer: Issuer, signer: Signer) -> None:
    authenticator = Authenticator(IdentitySettings(jwks=issuer.url, issuer=ISSUER))
    for user in range(1, 4):
        await authenticator.authenticate(signer.token(sub=str(user)))
    assert issuer.asked == 1


async def test_an_unknown_key_fetches_the_url_again_but_once_a_minute(
    monkeypatch: pytest.MonkeyPatch, issuer: Issuer, signer: Signer
) -> None:
    authenticator = Authenticator(IdentitySettings(jwks=issuer.url, issuer=ISSUER))
    await authenticator.authenticate(signer.token())
    successor = Signer(RSAKey.generate_key(2048, auto_kid=True))
    issuer.answer = json.dumps(KeySet([signer.key, successor.key]).as_dict(private=False)).encode()
    for _ in range(5):
        with pytest.raises(Unauthorized):
            await authenticator.authenticate(successor.token())
    assert issuer.asked == 1
    monkeypatch.setattr(key_sets, "UNKNOWN_KEY_PAUSE_SECONDS", 0.0)
    assert await authenticator.authenticate(successor.token())
    assert issuer.asked == 2


async def test_an_old_key_set_is_fetched_again(monkeypatch: pytest.MonkeyPatch, issuer: Issuer, signer: Signer) -> None:
    keys = UrlKeys(issuer.url)
    await keys.refresh()
    monkeypatch.setattr(key_sets, "UNKNOWN_KEY_PAUSE_SECONDS", 0.0)
    monkeypatch.setattr(key_sets, "MAX_AGE_SECONDS", 0.0)
    await keys.refresh()
    assert issuer.asked == 2


@pytest.mark.parametrize("status", ["500 Oops", "302 Found"])
async def test_without_any_key_set_the_service_is_unavailable_and_not_ready(
    issuer: Issuer, signer: Signer, status: str
) -> None:
    issuer.status = status
    authenticator = Authenticator(IdentitySettings(jwks=issuer.url, issuer=ISSUER))
    with pytest.raises(DependencyDown):
        await authenticator.authenticate(signer.token())
    with pytest.raises(KeySetError):
        await authenticator.check()
    assert issuer.asked == 1


async def test_an_endless_key_set_is_not_read_to_its_end(issuer: Issuer) -> None:
    issuer.answer = b" " * (key_sets.MAX_KEY_SET_BYTES + 1)
    with pytest.raises(KeySetError):
        await UrlKeys(issuer.url).refresh()


async def test_many_requests_at_once_fetch_the_url_once(issuer: Issuer) -> None:
    keys = UrlKeys(issuer.url)
    await asyncio.gather(*(keys.refresh() for _ in range(20)))
    assert issuer.asked == 1
