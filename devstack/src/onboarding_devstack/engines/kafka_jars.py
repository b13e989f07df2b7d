"""The jars of Apache Kafka's broker: downloaded from Maven Central once, verified against pinned checksums, and cached.

`kafka_jars.txt` has the runtime dependencies of `org.apache.kafka:kafka_2.13` and
`org.apache.logging.log4j:log4j-slf4j-impl`, in the format of `sha256sum`: the checksum and the path in a Maven
repository.
"""

import hashlib
import os
import threading
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from importlib.resources import files
from pathlib import Path
from typing import NamedTuple
from urllib.parse import urlsplit

import httpx2
import platformdirs

from onboarding_devstack.engines.engine_error import EngineError

VERSION = "4.3.1"
MAVEN_VARIABLE = "ONBOARDING_MAVEN_URL"
MAVEN_CENTRAL = "https://repo.maven.apache.org/maven2"
PARALLEL_DOWNLOADS = 8
ATTEMPTS = 3
TIMEOUT = 60.0
"""Seconds without data after which a download fails."""


class Jar(NamedTuple):
    """A jar file of the broker."""

    sha256: str
    path: str
    """The path in a Maven repository: `org/…/name-version.jar`."""

    @property
    def name(self) -> str:
        """The file's name."""
        return self.path.rsplit("/", 1)[1]


def pinned() -> list[Jar]:
    """All jars of the broker."""
    text = (files("onboarding_devstack.engines") / "kafka_jars.txt").read_text(encoding="utf-8")
    return [Jar(*line.split()) for line in text.splitlines()]


def cache_folder() -> Path:
    """The folder of the jars, shared by all data folders of the user."""
    return platformdirs.user_cache_path("onboarding", appauthor=False) / f"apache-kafka-{VERSION}"


def class_path(folder: Path) -> str:
    """The Java class path of the jars in `folder`."""
    return os.pathsep.join(str(folder / jar.name) for jar in pinned())


def missing(folder: Path, jars: Sequence[Jar]) -> list[Jar]:
    """The jars that `folder` lacks, or has with another content."""
    return [jar for jar in jars if _sum_of(folder / jar.name) != jar.sha256]


def fetch(folder: Path, jars: Sequence[Jar], report: Callable[[str], None]) -> None:
    """Download the jars that `folder` lacks. Safe to run concurrently.

    Raises `EngineError` if a jar cannot be downloaded, or does not have the pinned checksum.
    """
    wanted = missing(folder, jars)
    if not wanted:
        return
    repository = os.environ.get(MAVEN_VARIABLE) or MAVEN_CENTRAL
    report(f"fetching Apache Kafka {VERSION} once: {len(wanted)} files from {_safe(repository)} to {folder}")
    folder.mkdir(parents=True, exist_ok=True)
    with (
        httpx2.Client(timeout=TIMEOUT, follow_redirects=True) as client,
        ThreadPoolExecutor(PARALLEL_DOWNLOADS) as threads,
    ):
        running = [threads.submit(_fetch, client, repository, jar, folder) for jar in wanted]
        try:
            for download in running:
                download.result()
        except BaseException:
            threads.shutdown(wait=True, cancel_futures=True)
            raise


def _fetch(client: httpx2.Client, repository: str, jar: Jar, folder: Path) -> None:
    url = f"{repository.rstrip('/')}/{jar.path}"
    content = _download(client, url)
    actual = hashlib.sha256(content).hexdigest()
    if actual != jar.sha256:
        raise EngineError(
            "broker",
            f"{_safe(url)} is not the file that belongs to Apache Kafka {VERSION}: its SHA-256 is {actual}, not "
            f"{jar.sha256}; refused",
            f"contact the operator of that repository, or set {MAVEN_VARIABLE} to another mirror of Maven Central",
        )
    draft = folder / f".{jar.name}.{os.getpid()}.{threading.get_ident()}"
    draft.write_bytes(content)
    draft.replace(folder / jar.name)


def _download(client: httpx2.Client, url: str) -> bytes:
    for attempt in range(1, ATTEMPTS + 1):
        try:
            answer = client.get(url)
            answer.raise_for_status()
            return answer.content
        except httpx2.HTTPStatusError as error:
            status = error.response.status_code
            why, passing = f"answered {status}", status == 429 or status >= 500
        except httpx2.RequestError as error:
            why, passing = f"cannot be reached ({type(error).__name__}: {error})", True
        if not passing or attempt == ATTEMPTS:
            break
        time.sleep(attempt)
    raise EngineError(
        "broker",
        f"{_safe(url)} {why}",
        f"check the network (a proxy: HTTPS_PROXY), or set {MAVEN_VARIABLE} to a mirror of Maven Central",
    )


def _sum_of(path: Path) -> str | None:
    try:
        with path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except OSError:
        return None


def _safe(url: str) -> str:
    """The URL without credentials."""
    parts = urlsplit(url)
    return parts._replace(netloc=parts.netloc.rpartition("@")[2], query="").geturl()
