"""The pinned JSON Web Key Set that tokens are checked against, read from a file or fetched from one URL.

Which key a token names only selects among these keys. Nothing inside a token (``jku``, ``jwk``, ``x5u``) is followed.
"""

import asyncio
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol
from urllib.parse import urlsplit

import httpx2
import msgspec
import structlog
from joserfc.errors import JoseError
from joserfc.jwk import ECKey, JWKRegistry, Key, OKPKey, RSAKey

from onboarding_shared.process.file_reads import BLOCKING_CALLS, UnreadableFile, read_regular_file
from onboarding_shared.process.settings import SettingsError

MAX_KEY_SET_BYTES = 256 * 1024
FETCH_TIMEOUT_SECONDS = 5.0
UNKNOWN_KEY_PAUSE_SECONDS = 60.0
"""At most once in this time is a URL fetched again because a token named a key that is not there."""
MAX_AGE_SECONDS = 600.0
"""After this time a URL is fetched again anyway, so that a key withdrawn there stops being trusted here."""
FILE_LOOK_SECONDS = 1.0
"""The seconds between two looks for a change of a file."""
FILE_SECONDS = 1.0
"""The longest time for which a request waits for a changed file; the others go on with the last keys."""
MIN_RSA_BITS = 2048

_EC_ALGORITHMS = {"P-256": "ES256", "P-384": "ES384", "P-521": "ES512"}
_RSA_ALGORITHMS = frozenset({"RS256", "RS384", "RS512", "PS256", "PS384", "PS512"})

log = structlog.get_logger("onboarding.identity")


class KeySetError(Exception):
    """The key set could not be read, or holds no key that can check a signature."""


@dataclass(frozen=True)
class VerificationKey:
    """A public key and the signature algorithms it may be used with."""

    key: Key
    algorithms: frozenset[str]


KeySet = Mapping[str, VerificationKey]


def parse_key_set(document: bytes) -> KeySet:
    """The usable keys of a JWKS document by their ``kid``.

    Keys for encryption, keys without ``kid`` and kinds we do not know are left out. Raises ``KeySetError`` when a
    key is symmetric, private, or an RSA key under 2048 bits, and when nothing is left.
    """
    try:
        entries = msgspec.json.decode(document, type=dict[str, Any])["keys"]
        keys = {entry["kid"]: found for entry in entries if (found := _usable(entry)) is not None}
    except (msgspec.MsgspecError, UnicodeDecodeError, JoseError, KeyError, TypeError, ValueError) as error:
        raise KeySetError(f"not a JSON Web Key Set ({type(error).__name__})") from error
    if not keys:
        raise KeySetError("it holds no key that can check a signature")
    return keys


def _usable(entry: dict[str, Any]) -> VerificationKey | None:
    if entry["kty"] == "oct" or "d" in entry:
        raise KeySetError("it holds a secret key; publish the public keys only")
    if entry["kty"] not in ("RSA", "EC", "OKP") or not isinstance(entry.get("kid"), str):
        return None
    if entry.get("use", "sig") != "sig" or "verify" not in entry.get("key_ops", ["verify"]):
        return None
    key = JWKRegistry.import_key(entry)
    algorithms = _algorithms(key)
    if declared := entry.get("alg"):
        algorithms &= {declared}
    return VerificationKey(key, algorithms) if algorithms else None


def _algorithms(key: Key) -> frozenset[str]:
    if isinstance(key, RSAKey):
        if key.raw_value.key_size < MIN_RSA_BITS:
            raise KeySetError(f"it holds an RSA key under {MIN_RSA_BITS} bits")
        return _RSA_ALGORITHMS
    if isinstance(key, ECKey):
        return frozenset({_EC_ALGORITHMS[key.curve_name]} if key.curve_name in _EC_ALGORITHMS else ())
    return frozenset({"EdDSA"} if isinstance(key, OKPKey) and key.curve_name == "Ed25519" else ())


class KeySource(Protocol):
    """The source of the key set."""

    async def refresh(self, missing: str | None = None) -> KeySet:
        """The present keys, read again if that is due or if ``missing`` is not among them."""
        ...


class FileKeys:
    """A key set in a file, read again when the file changes. The last good one stays when the new one is not."""

    def __init__(self, path: str) -> None:
        self._path = Path(path)
        self._seen: tuple[int, int, int] | None = None
        self._look_again = 0.0
        try:
            self._keys = self._read()
        except (OSError, KeySetError) as error:
            raise SettingsError([f"ONBOARDING_JWKS: {path} cannot be used: {error}"]) from error

    async def refresh(self, missing: str | None = None) -> KeySet:
        now = time.monotonic()
        if now >= self._look_again:
            self._look_again = now + FILE_LOOK_SECONDS
            try:
                changed = await BLOCKING_CALLS.run(("key set", self._path), self._read_if_changed, FILE_SECONDS)
                if changed is not None:
                    self._keys = changed
                    log.info("key set read again", path=str(self._path), keys=len(self._keys))
            except (OSError, KeySetError, TimeoutError) as error:
                log.warning("key set cannot be read, the last one stays", path=str(self._path), error=repr(error))
        return self._keys

    def _read_if_changed(self) -> KeySet | None:
        return self._read() if self._stamp() != self._seen else None

    def _stamp(self) -> tuple[int, int, int]:
        status = self._path.stat()
        return status.st_mtime_ns, status.st_size, status.st_ino

    def _read(self) -> KeySet:
        stamp = self._stamp()
        try:
            document = read_regular_file(self._path.resolve(strict=True), MAX_KEY_SET_BYTES)
        except UnreadableFile as error:
            raise KeySetError(f"it {error}") from None
        keys = parse_key_set(document)
        self._seen = stamp
        return keys


class UrlKeys:
    """A key set behind a URL: fetched when first needed, when it is old, and when a token names an unknown key."""

    def __init__(self, url: str) -> None:
        parts = urlsplit(url)
        if parts.scheme != "https" and parts.hostname not in ("localhost", "127.0.0.1", "::1"):
            raise SettingsError(["ONBOARDING_JWKS: a URL must be https, unless it is on this machine"])
        self._url = url
        self._keys: KeySet = {}
        self._fetched = float("-inf")
        self._tried = float("-inf")
        self._lock = asyncio.Lock()

    async def refresh(self, missing: str | None = None) -> KeySet:
        """Raises ``KeySetError`` as long as there is no key set at all."""
        lacking = not self._keys or (missing is not None and missing not in self._keys)
        if self._due(missing) or (lacking and self._lock.locked()):
            async with self._lock:
                if self._due(missing):
                    await self._fetch()
        if not self._keys:
            raise KeySetError(f"{self._url} did not give a key set yet")
        return self._keys

    def _due(self, missing: str | None) -> bool:
        now = time.monotonic()
        if not self._keys:
            return now - self._tried >= 1.0
        if missing is not None and missing not in self._keys:
            return now - self._tried >= UNKNOWN_KEY_PAUSE_SECONDS
        return now - self._fetched >= MAX_AGE_SECONDS and now - self._tried >= UNKNOWN_KEY_PAUSE_SECONDS

    async def _fetch(self) -> None:
        self._tried = time.monotonic()
        try:
            async with asyncio.timeout(FETCH_TIMEOUT_SECONDS):
                self._keys = parse_key_set(await self._download())
            self._fetched = time.monotonic()
            log.info("key set fetched", url=self._url, keys=len(self._keys))
        except (httpx2.HTTPError, httpx2.InvalidURL, OSError, TimeoutError, KeySetError) as error:
            log.warning("key set cannot be fetched, the last one stays", url=self._url, error=repr(error))

    async def _download(self) -> bytes:
        client = httpx2.AsyncClient(follow_redirects=False, timeout=FETCH_TIMEOUT_SECONDS)
        async with client, client.stream("GET", self._url, headers={"Accept": "application/json"}) as response:
            if response.status_code != 200:
                raise KeySetError(f"answered {response.status_code}")
            document = bytearray()
            async for chunk in response.aiter_bytes():
                document += chunk
                if len(document) > MAX_KEY_SET_BYTES:
                    raise KeySetError(f"larger than {MAX_KEY_SET_BYTES} bytes")
            return bytes(document)


def key_source(location: str) -> KeySource:
    """The source for a setting that is either a URL or a path."""
    return UrlKeys(location) if location.startswith(("https://", "http://")) else FileKeys(location)
