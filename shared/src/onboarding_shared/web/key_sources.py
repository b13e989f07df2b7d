"""The source of the key set that tokens are checked against: a file, a URL, or the one that the issuer names.

What was read is believed until something else is read, also where that is an empty set, and at most for a maximum age:
a key that was withdrawn while the source cannot be read must stop being trusted at some time.
"""

import asyncio
import time
from abc import ABC, abstractmethod
from collections.abc import Callable
from functools import partial
from pathlib import Path

import structlog

from onboarding_shared.process.file_reads import BLOCKING_CALLS, UnreadableFile, read_regular_file
from onboarding_shared.process.settings import SettingsError
from onboarding_shared.process.urls import is_secure
from onboarding_shared.web.discovery import (
    MAX_DOCUMENT_BYTES,
    DiscoveryError,
    KeySetAddress,
    discovery_url,
    read_discovery,
)
from onboarding_shared.web.documents import DocumentUnavailable, read_document
from onboarding_shared.web.key_sets import KeySet, KeySetError, ReadKeySet, parse_key_set

MAX_KEY_SET_BYTES = 256 * 1024
UNKNOWN_KEY_PAUSE_SECONDS = 60.0
"""At most once in this time is a URL fetched again because a token named a key that is not there."""
REFRESH_SECONDS = 600.0
"""After this time a URL is fetched again anyway, so that a key withdrawn there stops being trusted here."""
FILE_LOOK_SECONDS = 1.0
"""The seconds between two looks for a change of a file."""
FILE_SECONDS = 1.0
"""The longest time for which a request waits for a changed file; the others go on with the last keys."""
NO_KEYS = ReadKeySet({}, ())

log = structlog.get_logger("onboarding.identity")

Clock = Callable[[], float]


class KeySetTooOld(KeySetError):
    """The source could not be read for so long that none of its keys is believed any more."""


class KeySource(ABC):
    """The key set as it was read last."""

    def __init__(self, location: str, max_age_seconds: float, clock: Clock) -> None:
        self._location = location
        self._max_age = max_age_seconds
        self._clock = clock
        self._read_at: float | None = None
        self.keys: KeySet = {}

    @abstractmethod
    async def refresh(self, missing: str | None = None) -> KeySet:
        """The present keys, read again if that is due or if ``missing`` is not among them.

        The same object as before if nothing has changed. Raises ``KeySetError`` while none was ever read,
        ``KeySetTooOld`` when the last reading is too long ago.
        """

    def fresh_keys(self) -> KeySet | None:
        """The present keys, if ``refresh`` would return them without reading the source; else None."""
        return None

    @property
    def age_seconds(self) -> float | None:
        """Time since the source was last read, or seen unchanged; None if it never was."""
        return None if self._read_at is None else self._clock() - self._read_at

    @property
    def _is_believed(self) -> bool:
        age = self.age_seconds
        return age is not None and age < self._max_age

    def _believed(self) -> KeySet:
        if self._read_at is None:
            raise KeySetError(f"{self._location} did not give a key set yet")
        if not self._is_believed:
            raise KeySetTooOld(f"{self._location} could not be read for {self._max_age:.0f} s")
        return self.keys

    def _replace(self, read: ReadKeySet) -> None:
        self.keys = read.keys
        self._read_at = self._clock()
        log.info("key set read", location=self._location, keys=len(read.keys))
        if read.ignored:
            log.warning("keys ignored", location=self._location, reasons=read.ignored[:20])
        if not read.keys:
            log.error("key set is empty, no token is accepted", location=self._location)


Stamp = tuple[int, int, int]


class FileKeys(KeySource):
    """A key set in a file, read again when the file changes. A removed file is an empty set.

    Raises ``SettingsError`` at construction when the file cannot be read.
    """

    def __init__(self, path: str, *, max_age_seconds: float, clock: Clock = time.monotonic) -> None:
        super().__init__(path, max_age_seconds, clock)
        self._path = Path(path)
        self._look_again = 0.0
        self._seen: Stamp | None = None
        try:
            self._seen, read = _read_unless(self._path, None)
        except (OSError, KeySetError) as error:
            raise SettingsError([f"ONBOARDING_JWKS: {path} cannot be used: {error}"]) from error
        self._replace(read or NO_KEYS)

    def fresh_keys(self) -> KeySet | None:
        now = self._clock()
        is_fresh = self._read_at is not None and now < self._look_again and now - self._read_at < self._max_age
        return self.keys if is_fresh else None

    async def refresh(self, missing: str | None = None) -> KeySet:
        now = self._clock()
        if now >= self._look_again:
            self._look_again = now + FILE_LOOK_SECONDS
            try:
                await self._look()
            except (OSError, KeySetError, TimeoutError) as error:
                log.warning("key set cannot be read, the last one stays", location=self._location, error=repr(error))
        return self._believed()

    async def _look(self) -> None:
        """Compare the file with what was seen of it. Others go on with the last keys meanwhile."""
        read: ReadKeySet | None = None
        look = partial(_read_unless, self._path, self._seen)
        try:
            self._seen, read = await BLOCKING_CALLS.run(("key set", self._path), look, FILE_SECONDS)
        except FileNotFoundError:
            if self._seen is not None:
                self._seen, read = None, NO_KEYS
        if read is None:
            self._read_at = self._clock()
        else:
            self._replace(read)


def _read_unless(path: Path, seen: Stamp | None) -> tuple[Stamp, ReadKeySet | None]:
    """The stamp of a file, and its key set unless the stamp is the one that was seen."""
    status = path.stat()
    stamp = status.st_mtime_ns, status.st_size, status.st_ino
    if stamp == seen:
        return stamp, None
    try:
        document = read_regular_file(path.resolve(strict=True), MAX_KEY_SET_BYTES)
    except UnreadableFile as error:
        raise KeySetError(f"it {error}") from None
    return stamp, parse_key_set(document)


class UrlKeys(KeySource):
    """A key set behind a URL: fetched when first needed, when it is old, and when a token names an unknown key."""

    def __init__(self, url: str, *, max_age_seconds: float, clock: Clock = time.monotonic) -> None:
        if not is_secure(url):
            raise SettingsError(["ONBOARDING_JWKS: a URL must be https, unless it is on this machine"])
        super().__init__(url, max_age_seconds, clock)
        self._tried = float("-inf")
        self._lock = asyncio.Lock()

    def fresh_keys(self) -> KeySet | None:
        return self.keys if self._is_believed and not self._due(None) else None

    async def refresh(self, missing: str | None = None) -> KeySet:
        lacking = not self._is_believed or self._lacks(missing)
        if self._due(missing) or (lacking and self._lock.locked()):
            async with self._lock:
                if self._due(missing):
                    await self._fetch()
        return self._believed()

    def _lacks(self, missing: str | None) -> bool:
        return missing is not None and missing not in self.keys

    def _due(self, missing: str | None) -> bool:
        since_try = self._clock() - self._tried
        age = self.age_seconds
        if age is None or age >= self._max_age:
            return since_try >= 1.0
        if self._lacks(missing):
            return since_try >= UNKNOWN_KEY_PAUSE_SECONDS
        pause = min(UNKNOWN_KEY_PAUSE_SECONDS, self._max_age / 4)
        return age >= min(REFRESH_SECONDS, self._max_age / 2) and since_try >= pause

    async def _fetch(self) -> None:
        self._tried = self._clock()
        try:
            address = await self._address()
            self._replace(parse_key_set(await read_document(address, most_bytes=MAX_KEY_SET_BYTES)))
        except (DocumentUnavailable, DiscoveryError, KeySetError) as error:
            log.warning("key set cannot be fetched, the last one stays", location=self._location, error=repr(error))

    async def _address(self) -> str:
        """Where the key set is now. Raises ``DocumentUnavailable`` or ``DiscoveryError`` if that is not known."""
        return self._location


class DiscoveredKeys(UrlKeys):
    """The key set that the discovery document of an issuer names, which is read again before each fetch.

    While the document cannot be read, the key set is fetched where it was.
    """

    def __init__(self, issuer: str, *, max_age_seconds: float, clock: Clock = time.monotonic) -> None:
        super().__init__(discovery_url(issuer), max_age_seconds=max_age_seconds, clock=clock)
        self._issuer = issuer
        self._known_address: str | None = None

    async def _address(self) -> str:
        try:
            document = await read_document(self._location, most_bytes=MAX_DOCUMENT_BYTES)
            self._known_address = read_discovery(document, self._issuer, KeySetAddress).jwks_uri
        except (DocumentUnavailable, DiscoveryError) as error:
            if self._known_address is None:
                raise
            log.warning("discovery document cannot be used", location=self._location, error=repr(error))
        return self._known_address


def key_source(location: str | None, issuer: str, *, max_age_seconds: float) -> KeySource:
    """The source for a setting that is a URL, a path, or unset: then the issuer names the key set."""
    if location is None:
        return DiscoveredKeys(issuer, max_age_seconds=max_age_seconds)
    if location.startswith(("https://", "http://")):
        return UrlKeys(location, max_age_seconds=max_age_seconds)
    return FileKeys(location, max_age_seconds=max_age_seconds)
