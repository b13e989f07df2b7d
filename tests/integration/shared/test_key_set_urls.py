"""Key sets fetched from an issuer over HTTP."""

import asyncio
import json
from collections.abc import AsyncIterator

import pytest
from joserfc.jwk import KeySet, RSAKey

from onboarding_shared.process.service_settings import IdentitySettings
from onboarding_shared.web import key_sources
from onboarding_shared.web.errors import DependencyDown, Unauthorized
from onboarding_shared.web.identity import Authenticator
from onboarding_shared.web.key_sets import KeySetError
from onboarding_shared.web.key_sources import DiscoveredKeys, UrlKeys
from tests.support.signing import ISSUER, Signer

MAX_AGE = 3600


@pytest.fixture(scope="module")
def signer() -> Signer:
    return Signer(RSAKey.generate_key(2048, auto_kid=True))


class Issuer:
    """A real HTTP server that publishes a key set and counts who asks."""

    def __init__(self) -> None:
        self.paths: list[str] = []
        self.discovery: dict[str, str] = {}
        self.answer = b""
        self.status = "200 OK"
        self.asked = 0
        self.url = ""

    async def handle(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        path = (await reader.readuntil(b"\r\n\r\n")).split(b" ")[1].decode()
        self.paths.append(path)
        self.asked += 1
        is_discovery = path.endswith("/.well-known/openid-configuration")
        answer = json.dumps(self.discovery).encode() if is_discovery else self.answer
        head = f"HTTP/1.1 {self.status}\r\nLocation: /other\r\nContent-Length: {len(answer)}\r\n"
        writer.write(f"{head}Connection: close\r\n\r\n".encode() + answer)
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


async def test_an_unknown_key_refetches_the_url_once_a_minute(
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
    monkeypatch.setattr(key_sources, "UNKNOWN_KEY_PAUSE_SECONDS", 0.0)
    assert await authenticator.authenticate(successor.token())
    assert issuer.asked == 2


async def test_an_old_key_set_is_fetched_again(monkeypatch: pytest.MonkeyPatch, issuer: Issuer, signer: Signer) -> None:
    keys = UrlKeys(issuer.url, max_age_seconds=MAX_AGE)
    await keys.refresh()
    monkeypatch.setattr(key_sources, "UNKNOWN_KEY_PAUSE_SECONDS", 0.0)
    monkeypatch.setattr(key_sources, "REFRESH_SECONDS", 0.0)
    await keys.refresh()
    assert issuer.asked == 2


@pytest.mark.parametrize("status", ["500 Oops", "302 Found"])
async def test_without_a_key_set_the_service_is_not_ready(issuer: Issuer, signer: Signer, status: str) -> None:
    issuer.status = status
    authenticator = Authenticator(IdentitySettings(jwks=issuer.url, issuer=ISSUER))
    with pytest.raises(DependencyDown):
        await authenticator.authenticate(signer.token())
    with pytest.raises(KeySetError):
        await authenticator.check()
    assert issuer.asked == 1


async def test_an_endless_key_set_is_not_read_to_its_end(issuer: Issuer) -> None:
    issuer.answer = b" " * (key_sources.MAX_KEY_SET_BYTES + 1)
    with pytest.raises(KeySetError):
        await UrlKeys(issuer.url, max_age_seconds=MAX_AGE).refresh()


async def test_many_requests_at_once_fetch_the_url_once(issuer: Issuer) -> None:
    keys = UrlKeys(issuer.url, max_age_seconds=MAX_AGE)
    await asyncio.gather(*(keys.refresh() for _ in range(20)))
    assert issuer.asked == 1


class Clock:
    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


async def test_an_empty_set_behind_a_url_is_obeyed(issuer: Issuer, signer: Signer) -> None:
    clock = Clock()
    keys = UrlKeys(issuer.url, max_age_seconds=MAX_AGE, clock=clock)
    authenticator = Authenticator(IdentitySettings(jwks=issuer.url, issuer=ISSUER), keys=keys)
    token = signer.token()
    assert await authenticator.authenticate(token)
    issuer.answer = b'{"keys": []}'
    clock.now += key_sources.REFRESH_SECONDS
    with pytest.raises(Unauthorized):
        await authenticator.authenticate(token)


async def test_keys_of_a_url_that_fails_for_too_long_are_not_believed(issuer: Issuer, signer: Signer) -> None:
    clock = Clock()
    keys = UrlKeys(issuer.url, max_age_seconds=MAX_AGE, clock=clock)
    authenticator = Authenticator(IdentitySettings(jwks=issuer.url, issuer=ISSUER), keys=keys)
    token = signer.token()
    assert await authenticator.authenticate(token)
    issuer.status = "500 Oops"
    clock.now += MAX_AGE - 1
    assert await authenticator.authenticate(token)
    clock.now += 1
    with pytest.raises(DependencyDown):
        await authenticator.authenticate(token)
    issuer.status = "200 OK"
    clock.now += 1
    assert await authenticator.authenticate(token)


async def test_unknown_keys_fetch_an_empty_set_once_a_minute(issuer: Issuer, signer: Signer) -> None:
    issuer.answer = b'{"keys": []}'
    authenticator = Authenticator(IdentitySettings(jwks=issuer.url, issuer=ISSUER))
    for number in range(300):
        with pytest.raises(Unauthorized):
            await authenticator.authenticate(signer.token({"kid": f"unknown-{number}"}))
    assert issuer.asked == 1


def realm(issuer: Issuer) -> str:
    """The name of the issuer, whose discovery document names its key set."""
    name = issuer.url.replace("/jwks", "/realm")
    issuer.discovery = {"issuer": name, "jwks_uri": issuer.url}
    return name


async def test_an_issuer_alone_names_its_key_set(issuer: Issuer, signer: Signer) -> None:
    authenticator = Authenticator(IdentitySettings(issuer=realm(issuer)))
    for user in ("1", "2"):
        assert await authenticator.authenticate(signer.token(sub=user, iss=realm(issuer)))
    assert issuer.paths == ["/realm/.well-known/openid-configuration", "/jwks"]
    assert (await authenticator.check())["keys"] == 1


async def test_a_key_set_that_has_moved_is_found_at_the_next_fetch(issuer: Issuer) -> None:
    clock = Clock()
    keys = DiscoveredKeys(realm(issuer), max_age_seconds=MAX_AGE, clock=clock)
    await keys.refresh()
    issuer.discovery["jwks_uri"] = issuer.url + "/moved"
    await keys.refresh()
    clock.now += key_sources.REFRESH_SECONDS
    await keys.refresh()
    assert issuer.paths[1::2] == ["/jwks", "/jwks/moved"]


async def test_without_its_discovery_document_a_key_set_is_read_where_it_was(issuer: Issuer) -> None:
    clock = Clock()
    keys = DiscoveredKeys(realm(issuer), max_age_seconds=MAX_AGE, clock=clock)
    await keys.refresh()
    issuer.discovery = {}
    clock.now += key_sources.REFRESH_SECONDS
    assert len(await keys.refresh()) == 1
    assert (issuer.paths[-1], keys.age_seconds) == ("/jwks", 0)


@pytest.mark.parametrize(
    "changed",
    [{"issuer": "https://other.test"}, {"jwks_uri": "http://elsewhere.test/jwks"}, {"jwks_uri": None}],
    ids=str,
)
async def test_a_discovery_document_that_breaks_a_rule_gives_no_key_set(
    issuer: Issuer, signer: Signer, changed: dict[str, str]
) -> None:
    authenticator = Authenticator(IdentitySettings(issuer=realm(issuer)))
    issuer.discovery |= changed
    with pytest.raises(DependencyDown):
        await authenticator.authenticate(signer.token())
    with pytest.raises(KeySetError, match="openid-configuration did not give a key set yet"):
        await authenticator.check()
    assert "/jwks" not in issuer.paths
