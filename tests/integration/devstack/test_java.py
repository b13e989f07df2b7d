"""The choice of the Java that runs Apache Kafka."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from onboarding_devstack.engines import java
from onboarding_devstack.engines.engine_error import EngineError


def fake_java(folder: Path, output: str) -> str:
    program = folder / "bin" / "java"
    program.parent.mkdir(parents=True)
    program.write_text(f"#!/bin/sh\necho '{output}' >&2\n")
    program.chmod(0o755)
    return str(program)


@pytest.fixture(autouse=True)
def nothing_remembered() -> Iterator[None]:
    java.find_java.cache_clear()
    yield
    java.find_java.cache_clear()


@pytest.mark.parametrize(
    ("output", "version"),
    [
        ('openjdk version "17.0.15" 2025-04-15', 17),
        ('openjdk version "25.0.2" 2026-01-20', 25),
        ('java version "1.8.0_412"', 8),
        ('openjdk version "21" 2023-09-19', 21),
        ("The operation couldn’t be completed. Unable to locate a Java Runtime.", None),
    ],
)
def test_the_version_is_read_from_the_output_of_java(tmp_path: Path, output: str, version: int | None) -> None:
    assert java.version_of(fake_java(tmp_path, output)) == version


def test_java_home_comes_before_the_path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    chosen = fake_java(tmp_path / "home", 'openjdk version "21.0.1"')
    fake_java(tmp_path / "path", 'openjdk version "25"')
    monkeypatch.setenv("JAVA_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("PATH", str(tmp_path / "path" / "bin"), prepend=":")
    assert java.find_java() == (chosen, 21)


def test_a_java_that_is_too_old_is_passed_over(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    fake_java(tmp_path / "home", 'java version "1.8.0_412"')
    newer = fake_java(tmp_path / "path", 'openjdk version "17.0.1"')
    monkeypatch.setenv("JAVA_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("PATH", str(tmp_path / "path" / "bin"), prepend=":")
    assert java.find_java() == (newer, 17)


def test_without_a_recent_java_the_installed_versions_are_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    old = fake_java(tmp_path, 'openjdk version "11.0.2"')
    monkeypatch.setattr(java, "candidates", lambda: iter([old, "/nowhere/java"]))
    with pytest.raises(EngineError, match=r"is Java 11; /nowhere/java is not a working Java") as failure:
        java.find_java()
    assert "onboarding-devstack[kafka]" in str(failure.value.next_step)
