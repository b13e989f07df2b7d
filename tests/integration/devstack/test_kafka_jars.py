"""The jars of Apache Kafka are fetched once, and only the right ones are kept."""

import hashlib
import http.server
import threading
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import pytest

from onboarding_devstack.engines import kafka_jars
from onboarding_devstack.engines.engine_error import EngineError
from onboarding_devstack.engines.kafka_jars import Jar, fetch, missing

CONTENTS = {"org/one/1/one-1.jar": b"the first", "org/two/2/two-2.jar": b"the second"}
JARS = [Jar(hashlib.sha256(content).hexdigest(), path) for path, content in CONTENTS.items()]


class Repository(http.server.ThreadingHTTPServer):
    """A Maven repository of a test's own, which counts requests and fails as often as requested."""

    def __init__(self, folder: Path) -> None:
        super().__init__(("127.0.0.1", 0), partial(Handler, directory=str(folder)))
        self.folder = folder
        self.asked: list[str] = []
        self.failures = 0
        for path, content in CONTENTS.items():
            (folder / path).parent.mkdir(parents=True)
            (folder / path).write_bytes(content)


class Handler(http.server.SimpleHTTPRequestHandler):
    server: Repository

    def do_GET(self) -> None:
        self.server.asked.append(self.path)
        if self.server.failures:
            self.server.failures -= 1
            self.send_error(503)
        else:
            super().do_GET()

    def log_message(self, *_: object) -> None:
        """Nothing to the test's output."""


@pytest.fixture
def repository(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Repository]:
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    (tmp_path / "repository").mkdir()
    with Repository(tmp_path / "repository") as server:
        monkeypatch.setenv("ONBOARDING_MAVEN_URL", f"http://user:secret@127.0.0.1:{server.server_port}/")
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield server
        server.shutdown()


@pytest.fixture
def cache(tmp_path: Path) -> Path:
    return tmp_path / "cache"


def test_jars_are_fetched_once_from_the_repository_of_the_setting(repository: Repository, cache: Path) -> None:
    lines: list[str] = []
    fetch(cache, JARS, lines.append)
    fetch(cache, JARS, lines.append)
    assert {path.name: path.read_bytes() for path in cache.iterdir()} == {
        "one-1.jar": b"the first",
        "two-2.jar": b"the second",
    }
    assert sorted(repository.asked) == ["/org/one/1/one-1.jar", "/org/two/2/two-2.jar"]
    assert len(lines) == 1
    assert "2 files" in lines[0]
    assert "secret" not in lines[0]


def test_a_jar_with_other_content_is_refused_and_not_stored(repository: Repository, cache: Path) -> None:
    (repository.folder / "org/two/2/two-2.jar").write_bytes(b"something else")
    with pytest.raises(EngineError, match=r"/org/two/2/two-2\.jar is not the file .* refused") as refused:
        fetch(cache, JARS, print)
    assert "secret" not in str(refused.value)
    assert not (cache / "two-2.jar").exists()


def test_a_damaged_jar_in_the_cache_is_fetched_again(repository: Repository, cache: Path) -> None:
    fetch(cache, JARS, print)
    (cache / "one-1.jar").write_bytes(b"the f")
    assert missing(cache, JARS) == [JARS[0]]
    fetch(cache, JARS, print)
    assert (cache / "one-1.jar").read_bytes() == b"the first"


def test_a_passing_failure_of_the_repository_is_overcome(repository: Repository, cache: Path) -> None:
    repository.failures = 1
    fetch(cache, JARS[:1], print)
    assert len(repository.asked) == 2
    assert missing(cache, JARS[:1]) == []


def test_a_jar_that_the_repository_lacks_is_named(repository: Repository, cache: Path) -> None:
    (repository.folder / "org/one/1/one-1.jar").unlink()
    with pytest.raises(EngineError, match=r"/org/one/1/one-1\.jar answered 404"):
        fetch(cache, JARS, print)


def test_without_a_network_the_error_names_the_remedy(cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ONBOARDING_MAVEN_URL", "http://127.0.0.1:9")
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    monkeypatch.setattr(kafka_jars, "ATTEMPTS", 1)
    with pytest.raises(EngineError, match="cannot be reached") as failure:
        fetch(cache, JARS, print)
    assert "ONBOARDING_MAVEN_URL" in str(failure.value.next_step)
