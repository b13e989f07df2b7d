"""One more process of a service on the databases and the broker of a running system."""

import contextlib
import signal
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import httpx2

from onboarding_devstack import system as embedded
from tests.support.engines import free_port
from tests.support.system import System
from tests.support.waiting import eventually


@dataclass
class Extra:
    """A service's process that the test started itself."""

    process: subprocess.Popen[bytes]
    url: str
    log: Path

    async def wait_ready(self, seconds: float = 60.0) -> None:
        """Wait for its readiness; fails at once with its log when it ended instead."""

        async def look() -> bool:
            assert self.process.poll() is None, self.log.read_text()[-3000:]
            async with httpx2.AsyncClient(trust_env=False, verify=False, timeout=5) as client:
                with contextlib.suppress(httpx2.TransportError):
                    return (await client.get(f"{self.url}/health/ready")).status_code == 200
            return False

        await eventually(look, seconds=seconds, every=0.1)

    def stop(self, seconds: float = 30.0) -> int:
        """SIGTERM; returns the exit code."""
        self.process.send_signal(signal.SIGTERM)
        return self.process.wait(seconds)


@contextlib.contextmanager
def extra_process(system: System, name: str, folder: Path, **settings: str) -> Iterator[Extra]:
    """Another ``session-api``, ``task-runner`` or ``evidence-store``, with the environment of the system's own one."""
    port = free_port()
    environment = embedded.inherited() | embedded.environments(system.place)[name]
    environment |= {"ONBOARDING_PORT": str(port), **system.settings, **settings}
    log = folder / f"extra-{name}-{port}.log"
    with log.open("wb") as output:
        process = subprocess.Popen(
            embedded.service_command(name, "serve"), env=environment, stdout=output, stderr=output
        )
    try:
        yield Extra(process, f"http://127.0.0.1:{port}", log)
    finally:
        if process.poll() is None:
            process.terminate()
            try:
                process.wait(20)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
