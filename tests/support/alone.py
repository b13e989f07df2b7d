"""The process of one service, without any of its dependencies."""

import contextlib
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import httpx2
from msgspec import Struct

from onboarding_devstack.identity import ISSUER, Identity
from tests.support.engines import free_port


class Alone(Struct, frozen=True):
    """The address of the process, and its id."""

    url: str
    port: int
    pid: int


@contextlib.contextmanager
def alone(package: str, folder: Path, **settings: str) -> Iterator[Alone]:
    """A service's process with nobody to talk to, which listens."""
    identity = Identity(folder)
    identity.ensure()
    port = free_port()
    environment = {
        "PATH": os.environ["PATH"],
        "DATABASE_URL": f"postgresql://nobody@127.0.0.1:{free_port()}/nothing",
        "KAFKA_BOOTSTRAP_SERVERS": f"127.0.0.1:{free_port()}",
        "ONBOARDING_ALLOW_ROOT": "true",
        "ONBOARDING_PORT": str(port),
        "ONBOARDING_JWKS": str(identity.jwks),
        "ONBOARDING_JWT_ISSUER": ISSUER,
        "ONBOARDING_EVIDENCE_STORE_URL": "http://127.0.0.1:9",
        "ONBOARDING_DRAIN_SECONDS": "1",
        **settings,
    }
    process = subprocess.Popen(
        [sys.executable, "-m", package, "serve"], env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    try:
        service = Alone(f"http://127.0.0.1:{port}", port, process.pid)
        _wait_until_it_listens(service.url)
        yield service
    finally:
        process.kill()
        process.wait()


def _wait_until_it_listens(url: str) -> None:
    deadline = time.monotonic() + 60
    while True:
        try:
            httpx2.get(f"{url}/health/live", trust_env=False, verify=False, timeout=10)
            return
        except httpx2.TransportError:
            assert time.monotonic() < deadline, f"{url} does not listen"
            time.sleep(0.1)
