"""The embedded system of a test run: in a folder of its own, which is removed with it."""

import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from onboarding_devstack.cli.demo.customer import customer_of
from onboarding_devstack.journal import read_journal
from onboarding_devstack.place import Place, recall
from onboarding_devstack.system import addresses
from onboarding_devstack.tenant_bindings import bind, binding_of
from onboarding_shared.process.message_settings import KafkaSettings
from onboarding_testing.background import BackgroundLoop
from onboarding_testing.onboarding import Access, Onboarding

START_SECONDS = 300.0
STOP_SECONDS = 120.0
_LOOK_EVERY = 0.1


class StartFailed(Exception):
    """The embedded system did not start; the message has the end of its output."""


@contextmanager
def embedded_onboarding() -> Iterator[Onboarding]:
    """Start the embedded system in a temporary folder; stop it and remove the folder at the end.

    Raises ``StartFailed``.
    """
    folder = Path(tempfile.mkdtemp(prefix="onboarding-testing-"))
    try:
        with _running(folder / "data") as place, Onboarding(access_to(place)) as onboarding:
            yield onboarding
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def access_to(place: Place) -> Access:
    """The access to an embedded system that runs already."""
    at = addresses(place)

    def bind_tenant(tenant: int, loop: BackgroundLoop) -> None:
        loop.run(bind(place, [binding_of(tenant, customer_of(tenant))]))

    return Access(
        api_url=at["session-api"],
        graph_url=at["graph"],
        identity=place.identity,
        kafka=KafkaSettings(bootstrap_servers=at["broker"], security_protocol="PLAINTEXT"),
        bind=bind_tenant,
    )


@contextmanager
def _running(data: Path) -> Iterator[Place]:
    data.mkdir()
    output = data.parent / "output"
    command = [sys.executable, "-m", "onboarding_testing.attached", str(data), str(os.getpid())]
    with output.open("wb") as written:
        # A session of its own: Ctrl-C ends the tests first, which then stop the system.
        process = subprocess.Popen(
            command, stdin=subprocess.DEVNULL, stdout=written, stderr=written, start_new_session=True
        )
    try:
        yield _ready(process, data, output)
    finally:
        process.terminate()
        try:
            process.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def _ready(process: subprocess.Popen[bytes], data: Path, output: Path) -> Place:
    """Wait until the system is ready."""
    deadline = time.monotonic() + START_SECONDS
    while not (read_journal(data).get("supervisor") or {}).get("ready"):
        if process.poll() is not None or time.monotonic() > deadline:
            ended = "is not ready" if process.poll() is None else f"ended with exit code {process.returncode}"
            raise StartFailed(f"the embedded system {ended}:\n{output.read_text(errors='replace')[-4000:]}")
        time.sleep(_LOOK_EVERY)
    place = recall(data)
    if place is None:
        raise StartFailed(f"{data} holds no system")
    return place
