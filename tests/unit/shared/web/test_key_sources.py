import asyncio
import json
import os
from collections.abc import Callable
from pathlib import Path

import pytest
from joserfc.jwk import OctKey, RSAKey

from onboarding_shared.process.service_settings import IdentitySettings
from onboarding_shared.process.settings import SettingsError
from onboarding_shared.web.errors import DependencyDown, Unauthorized
from onboarding_shared.web.granted import Person
from onboarding_shared.web.identity import Authenticator, KeySetEmpty
from onboarding_shared.web.key_sources import FileKeys, KeySetTooOld
from tests.support.signing import ISSUER, Signer

MAX_AGE = 3600


class Clock:
    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def keys(jwks_file: Path, clock: Clock) -> FileKeys:
    return FileKeys(str(jwks_file), max_age_seconds=MAX_AGE, clock=clock)


@pytest.fixture
def authenticator(identity: IdentitySettings, keys: FileKeys) -> Authenticator:
    return Authenticator(identity, keys=keys)


def test_a_missing_key_set_file_stops_the_start(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match="ONBOARDING_JWKS"):
        Authenticator(IdentitySettings(jwks=str(tmp_path / "absent.json"), issuer=ISSUER))


@pytest.mark.parametrize("url", ["http://issuer.test/jwks", "http://localhost.issuer.test/jwks"])
def test_a_key_set_url_must_be_https(url: str) -> None:
    with pytest.raises(SettingsError, match="https"):
        Authenticator(IdentitySettings(jwks=url, issuer=ISSUER))


async def test_a_changed_file_is_read_again_and_forgets_verified_tokens(
    authenticator: Authenticator, clock: Clock, jwks_file: Path, signer: Signer
) -> None:
    token = signer.token()
    assert await authenticator.authenticate(token)
    successor = Signer(RSAKey.generate_key(2048, auto_kid=True))
    jwks_file.write_text(json.dumps(successor.public()), encoding="utf-8")
    clock.now += 1.0
    assert await authenticator.authenticate(successor.token())
    with pytest.raises(Unauthorized):
        await authenticator.authenticate(token)


def empty(file: Path) -> None:
    file.write_text('{"keys": []}', encoding="utf-8")


def without_a_usable_key(file: Path) -> None:
    secret = OctKey.generate_key(256, {"kid": "secret"}).as_dict(private=True)
    file.write_text(json.dumps({"keys": [secret]}), encoding="utf-8")


@pytest.mark.parametrize("withdraw", [empty, without_a_usable_key, Path.unlink])
async def test_a_withdrawn_key_set_is_obeyed_at_once(
    authenticator: Authenticator, clock: Clock, jwks_file: Path, signer: Signer, withdraw: Callable[[Path], None]
) -> None:
    known = signer.token()
    assert await authenticator.authenticate(known)
    withdraw(jwks_file)
    clock.now += 1.0
    for token in (known, signer.token(sub="8")):
        with pytest.raises(Unauthorized) as refused:
            await authenticator.authenticate(token)
        assert refused.value.code == "TOKEN_INVALID"
    with pytest.raises(KeySetEmpty):
        await authenticator.check()


async def test_a_key_withdrawn_during_the_look_up_of_its_user_is_forgotten(
    identity: IdentitySettings, keys: FileKeys, clock: Clock, jwks_file: Path, signer: Signer
) -> None:
    async def recognise(_: Person) -> None:
        empty(jwks_file)
        clock.now += 1.0
        with pytest.raises(Unauthorized):
            await authenticator.authenticate(signer.token(sub="8"))

    authenticator = Authenticator(identity, keys=keys, recognise=recognise)
    token = signer.token()
    assert await authenticator.authenticate(token)
    with pytest.raises(Unauthorized):
        await authenticator.authenticate(token)


async def test_a_file_that_comes_back_is_read_again(
    authenticator: Authenticator, clock: Clock, jwks_file: Path, signer: Signer
) -> None:
    content = jwks_file.read_bytes()
    jwks_file.unlink()
    clock.now += 1.0
    with pytest.raises(Unauthorized):
        await authenticator.authenticate(signer.token())
    jwks_file.write_bytes(content)
    clock.now += 1.0
    assert await authenticator.authenticate(signer.token())


async def test_an_entry_of_another_kind_does_not_block_a_rotation(
    authenticator: Authenticator, clock: Clock, jwks_file: Path
) -> None:
    successor = Signer(RSAKey.generate_key(2048, auto_kid=True))
    odd = [{"kty": "EC", "kid": "odd", "crv": "P-999", "x": "AA", "y": "AA"}, {"kid": "typeless"}]
    jwks_file.write_text(json.dumps({"keys": [*odd, *successor.public()["keys"]]}), encoding="utf-8")
    clock.now += 1.0
    assert await authenticator.authenticate(successor.token())


async def test_a_file_that_became_unreadable_leaves_the_last_keys(
    keys: FileKeys, clock: Clock, jwks_file: Path
) -> None:
    before = await keys.refresh()
    jwks_file.write_text("half a docu", encoding="utf-8")
    clock.now += MAX_AGE - 1
    assert await keys.refresh() is before


async def test_keys_that_could_not_be_read_for_too_long_are_not_believed(
    authenticator: Authenticator, clock: Clock, jwks_file: Path, signer: Signer
) -> None:
    token = signer.token()
    assert await authenticator.authenticate(token)
    jwks_file.write_text("half a docu", encoding="utf-8")
    clock.now += MAX_AGE
    with pytest.raises(DependencyDown):
        await authenticator.authenticate(token)
    with pytest.raises(KeySetTooOld):
        await authenticator.check()


async def test_an_unchanged_file_does_not_grow_old(keys: FileKeys, clock: Clock) -> None:
    before = await keys.refresh()
    clock.now += 30 * 86_400
    assert await keys.refresh() is before
    assert keys.age_seconds == 0


async def test_readiness_and_metrics_tell_the_age(authenticator: Authenticator, clock: Clock, jwks_file: Path) -> None:
    jwks_file.write_text("half a docu", encoding="utf-8")
    clock.now += 90
    assert await authenticator.check() == {"keys": 1, "age_seconds": 90}
    shown = {family.name: family.samples[0].value for family in authenticator.gauges().collect()}
    assert shown == {"onboarding_key_set_age_seconds": 90.0, "onboarding_key_set_keys": 1.0}


async def test_a_key_set_that_became_a_pipe_keeps_the_last_keys_and_blocks_nothing(
    keys: FileKeys, jwks_file: Path, clock: Clock
) -> None:
    before = await keys.refresh()
    jwks_file.unlink()
    os.mkfifo(jwks_file)
    clock.now += 1

    async with asyncio.timeout(3):
        assert await keys.refresh() is before


async def test_a_remembered_caller_waits_for_no_key_set(
    authenticator: Authenticator, clock: Clock, signer: Signer
) -> None:
    header = f"Bearer {signer.token()}"
    assert authenticator.recall(header) is None
    caller = await authenticator.authenticate_header(header)
    assert authenticator.recall(header) == caller
    clock.now += 2.0
    assert authenticator.recall(header) is None, "the file has to be looked at first"


async def test_no_caller_is_recalled_with_keys_that_are_too_old(
    authenticator: Authenticator, keys: FileKeys, clock: Clock, signer: Signer
) -> None:
    header = f"Bearer {signer.token()}"
    await authenticator.authenticate_header(header)
    clock.now += MAX_AGE
    keys._look_again = clock.now + 1.0
    assert authenticator.recall(header) is None


async def test_no_caller_is_recalled_after_its_token_expired(
    identity: IdentitySettings, keys: FileKeys, signer: Signer
) -> None:
    times = [1_000_000.0]
    authenticator = Authenticator(identity, keys=keys, now=lambda: times[0])
    header = f"Bearer {signer.token(nbf=999_000, iat=999_000, exp=1_000_100)}"
    assert await authenticator.authenticate_header(header) == authenticator.recall(header)
    times[0] = 1_000_130.0
    assert authenticator.recall(header) is None
