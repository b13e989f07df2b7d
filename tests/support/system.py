"""The embedded system, started by its own command line, and the callers and kills that tests need."""

import contextlib
import itertools
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

import asyncpg
import httpx2
import psutil

from onboarding_devstack.identity import PERMISSIONS
from onboarding_devstack.journal import read_journal
from onboarding_devstack.place import Place, recall
from onboarding_devstack.system import processes
from onboarding_devstack.tenant_bindings import bind
from onboarding_shared.contracts.bindings import TenantBinding
from tests.support.caller import Caller
from tests.support.engines import up_options
from tests.support.waiting import eventually

START_SECONDS = 180.0
INFO = '"level":"info"'
READY_SECONDS = 60.0
_tenants = itertools.count(1001)


class System:
    """A running embedded system in a data folder of its own, started with ``settings`` in its environment."""

    def __init__(self, folder: Path, settings: Mapping[str, str] | None = None) -> None:
        self.folder = folder
        self.settings = dict(settings or {})
        place = recall(folder)
        assert place is not None, f"{folder} holds no system"
        self.place: Place = place

    @property
    def journal(self) -> dict[str, Any]:
        """The content of `system.json` now."""
        return read_journal(self.folder)

    def pid(self, name: str) -> int:
        """The process id of a running process."""
        return int(self.journal["processes"][name])

    def new_tenant(self) -> int:
        """A tenant id that no other test of this run uses."""
        return next(_tenants)

    def token(self, user: int = 7, tenants: Iterable[int] = (), permissions: Iterable[str] = PERMISSIONS) -> str:
        """A token signed by the system's own key."""
        return self.place.identity.token(user, list(tenants), list(permissions))

    def caller(
        self,
        tenant: int | None = None,
        *,
        user: int = 7,
        tenants: Iterable[int] | None = None,
        permissions: Iterable[str] = PERMISSIONS,
        url: str | None = None,
    ) -> Caller:
        """A caller of the session API (or of ``url``), for ``tenant`` or a new tenant; use with ``async with``."""
        tenant = self.new_tenant() if tenant is None else tenant
        token = self.token(user, (tenant,) if tenants is None else tenants, permissions)
        secret = self.place.secrets["client_secret"]
        graph = self.journal["graph"]
        return Caller(url or self.journal["session_api"], token, tenant, graph=graph, secret=secret, bind=self.bind)

    async def bind(self, *bindings: TenantBinding) -> None:
        """Let tenants reach tenants at Microsoft, as the operator does."""
        await bind(self.place, bindings)

    async def rows(self, database: str, query: str, *values: object) -> list[asyncpg.Record]:
        """The rows of a query in ``session_api``, ``task_runner`` or ``evidence_store``."""
        connection = await asyncpg.connect(self.journal["databases"][database], timeout=10)
        try:
            return list(await connection.fetch(query, *values, timeout=30))
        finally:
            await connection.close(timeout=5)

    async def value(self, database: str, query: str, *values: object) -> Any:
        """The first value of a query's only row."""
        ((value, *_),) = await self.rows(database, query, *values)
        return value

    def kill(self, name: str, how: signal.Signals = signal.SIGKILL) -> int:
        """Kill a process by the id in `system.json` and wait until it is gone; returns that id."""
        process = psutil.Process(self.pid(name))
        process.send_signal(how)
        with contextlib.suppress(psutil.NoSuchProcess):
            process.wait(30)
        return process.pid

    async def wait_ready(self, *, instead_of: Mapping[str, int] | None = None, seconds: float = READY_SECONDS) -> None:
        """Wait until every process runs and is ready, and those ``instead_of`` (name → old id) are new ones."""
        old = instead_of or {}
        expected = {process.name for process in processes(self.place)}

        async def all_ready() -> bool:
            pids = self.journal.get("processes", {})
            if set(pids) != expected or any(pids[name] == pid for name, pid in old.items()):
                return False
            return all([await self._is_ready(name) for name in ("session_api", "task_runner", "evidence_store")])

        await eventually(all_ready, seconds=seconds, every=0.1)

    async def _is_ready(self, name: str) -> bool:
        async with httpx2.AsyncClient(trust_env=False, verify=False, timeout=5) as client:
            with contextlib.suppress(httpx2.TransportError):
                return (await client.get(f"{self.journal[name]}/health/ready")).status_code == 200
        return False

    def last_warnings(self, lines: int = 30) -> dict[str, str]:
        """Process name → the last lines of its log, without those of normal work."""
        texts = {
            file.stem: file.read_text(encoding="utf-8", errors="replace") for file in self.place.logs.glob("*.log")
        }
        told = {name: [line for line in text.splitlines() if INFO not in line] for name, text in texts.items()}
        return {name: "\n".join(warnings[-lines:]) for name, warnings in told.items()}

    def log(self, name: str) -> str:
        """All that a process has logged so far."""
        return (self.place.logs / f"{name}.log").read_text(encoding="utf-8", errors="replace")


@contextlib.contextmanager
def running_system(**settings: str) -> Iterator[System]:
    """`onboarding up --detach` in a new folder, with these environment variables; `down` at the end."""
    folder = Path(tempfile.mkdtemp(prefix="onb-sys-"))
    data = folder / "data"
    try:
        with up_options() as options:
            onboarding("up", "--detach", *options, data=data, **settings)
            try:
                yield System(data, settings)
            finally:
                with contextlib.suppress(subprocess.SubprocessError):
                    onboarding("down", data=data)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def onboarding(*arguments: str, data: Path, **settings: str) -> str:
    """Run the command line on a data folder; returns its output. A failure shows its output."""
    command = [sys.executable, "-m", "onboarding_devstack.cli", *arguments, "--data", str(data)]
    began = time.monotonic()
    ended = subprocess.run(
        command,
        env={**os.environ, **settings},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=START_SECONDS,
    )
    if ended.returncode:
        took = time.monotonic() - began
        raise AssertionError(f"{' '.join(arguments)} ended with {ended.returncode} after {took:.1f} s:\n{ended.stderr}")
    return ended.stdout
