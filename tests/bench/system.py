"""The system that is measured: on embedded parts, with a task that does nothing."""

import contextlib
import os
import tempfile
from collections.abc import Iterator
from pathlib import Path

from tests.support import task_package
from tests.support.system import System, running_system

NOOP = Path(__file__).parent / "noop_package"


@contextlib.contextmanager
def bench_system(*paths: Path, **settings: str) -> Iterator[System]:
    """A new system with ``paths`` on Python's path and these settings, stopped and removed at the end."""
    os.environ["ONBOARDING_TEST_ENGINES"] = "embedded"
    with tempfile.TemporaryDirectory() as folder:
        site = task_package.install(Path(folder), NOOP)
        path = os.pathsep.join(map(str, [site, *paths]))
        with running_system(PYTHONPATH=path, ONBOARDING_CALLER_REQUESTS_PER_MINUTE="0", **settings) as system:
            yield system
