"""The system of docker-compose.yml, started by `docker compose`, and the callers and kills that tests need."""

import itertools
import json
import os
import subprocess
import tempfile
import time
import uuid
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import asyncpg
import msgspec

from onboarding_devstack.identity import PERMISSIONS, Identity
from onboarding_devstack.tenant_bindings import Operator, binding_of
from onboarding_shared.contracts.bindings import TenantBinding
from tests.support.caller import Caller, external_tenant_of
from tests.support.compose_file import FILE, ROOT
from tests.support.free_ports import free_port
from tests.support.waiting import eventually

PORTS = ROOT / "tests/compose/ports.yml"
START_SECONDS = 900
READY_SECONDS = 120.0
FIRST_TENANT, TENANTS = 1001, 400
_tenants = itertools.count(FIRST_TENANT)


def engine_missing() -> str | None:
    """The reason that `docker compose` cannot be used here; None when an engine answers."""
    for line in (["docker", "info"], ["docker", "compose", "version"], ["docker", "buildx", "version"]):
        try:
            done = subprocess.run(line, capture_output=True, text=True, check=False, timeout=30)
        except (OSError, subprocess.TimeoutExpired) as error:
            return f"{' '.join(line)}: {error}"
        if done.returncode:
            return f"{' '.join(line)}: {done.stderr.strip() or done.returncode}"
    return None


class Composed:
    """A running compose project with ports, image tags and volumes of its own; asked as `System` is."""

    def __init__(self, project: str, folder: Path) -> None:
        self.project = project
        self.version = f"test-{project}"
        self._environment = {
            **{name: value for name, value in os.environ.items() if not name.startswith(("ONBOARDING_", "OTEL_"))},
            "ONBOARDING_API_PORT": str(free_port()),
            "ONBOARDING_GRAPH_PORT": str(free_port()),
            "ONBOARDING_VERSION": self.version,
            "ONBOARDING_LEASE_SECONDS": "3",
            "ONBOARDING_SILENCE_SECONDS": "3",
            "ONBOARDING_CONFIRM_SECONDS": "3",
        }
        self.url = f"http://127.0.0.1:{self._environment['ONBOARDING_API_PORT']}"
        self.graph = f"http://127.0.0.1:{self._environment['ONBOARDING_GRAPH_PORT']}"
        self._identity = Identity(folder)
        self._passwords: dict[str, str] = {}

    def compose(self, *arguments: str, seconds: float = 120.0) -> str:
        """Run `docker compose` on the project; returns its output. A failure shows its output."""
        files = ["--file", str(FILE), "--file", str(PORTS), "--env-file", os.devnull]
        return run("docker", "compose", "--project-name", self.project, *files, *arguments,
                   environment=self._environment, seconds=seconds)  # fmt: skip

    def remember_secrets(self) -> None:
        """Take the signing key and the databases' passwords from the volumes, as whoever may use Docker can."""
        key = self.compose("run", "--rm", "--entrypoint", "cat", "token", "/setup/identity/private-key.json")
        self._identity.private_key.write_text(key)
        for role in ("session_api", "task_runner", "evidence_store"):
            file = f"/run/onboarding/{role}.password"
            self._passwords[role] = self.compose("exec", "-T", "postgres", "cat", file).strip()

    def kafka_password(self, principal: str) -> str:
        """The password of a principal on Kafka, as whoever may use Docker can read it."""
        file = f"/run/onboarding/{principal}.password"
        return self.compose("run", "--rm", "--no-deps", "--entrypoint", "cat", "kafka-access", file).strip()

    def python_beside(self, network: str, *arguments: str, seconds: float = 300.0) -> str:
        """Run Python with arguments in a new container on a network of the project; returns its output."""
        confined = ["--network", f"{self.project}_{network}", "--read-only", "--cap-drop=ALL"]
        return run("docker", "run", "--rm", *confined, self.image("devstack"), "python", *arguments, seconds=seconds)

    def image(self, name: str) -> str:
        """The tag of one of our images."""
        return f"onboarding/{name}:{self.version}"

    def containers(self) -> dict[str, dict[str, Any]]:
        """Compose service → its container, as `docker inspect` shows it."""
        ids = self.compose("ps", "--all", "--quiet").split()
        containers = json.loads(run("docker", "inspect", *ids))
        return {container["Config"]["Labels"]["com.docker.compose.service"]: container for container in containers}

    def crash(self, *names: str) -> None:
        """Kill the main processes of containers with SIGKILL, past Docker, which so takes it for a crash."""
        containers = self.containers()
        pids = [containers[name]["State"]["Pid"] for name in names]
        script = f"import os\nfor pid in {pids}: os.kill(pid, 9)"
        confined = ["--pid=host", "--user=0", "--network=none", "--cap-drop=ALL", "--cap-add=KILL"]
        run("docker", "run", "--rm", *confined, self.image("devstack"), "python", "-c", script)

    def restarts(self) -> dict[str, int]:
        """Compose service → how often Docker has started it again."""
        return {name: container["RestartCount"] for name, container in self.containers().items()}

    async def wait_healthy(self, *, more_than: Mapping[str, int] | None = None, seconds: float = READY_SECONDS) -> None:
        """Wait until all that runs on is healthy, and Docker has started some ``more_than`` so often."""
        before = more_than or {}

        def unhealthy() -> dict[str, str]:
            waiting = {}
            for name, container in self.containers().items():
                if container["HostConfig"]["RestartPolicy"]["Name"] != "no":
                    health = container["State"].get("Health", {}).get("Status", container["State"]["Status"])
                    if health != "healthy" or container["RestartCount"] <= before.get(name, -1):
                        waiting[name] = f"{health}, restarted {container['RestartCount']} times"
            return waiting

        await eventually(unhealthy, equals={}, seconds=seconds, every=0.5)

    def token(self, user: int = 7, tenants: Iterable[int] = (), permissions: Iterable[str] = PERMISSIONS) -> str:
        """A development token of the system."""
        return self._identity.token(user, list(tenants), list(permissions))

    def new_tenant(self) -> int:
        """A tenant id that no other test of this run uses."""
        return next(_tenants)

    def caller(self, tenant: int | None = None, *, tenants: Iterable[int] | None = None) -> Caller:
        """A caller of the session API, for ``tenant`` or a new tenant; use with ``async with``."""
        tenant = self.new_tenant() if tenant is None else tenant
        token = self.token(7, (tenant,) if tenants is None else tenants)
        return Caller(self.url, token, tenant, graph=self.graph, secret="any", bind=self.bind)

    async def bind(self, *bindings: TenantBinding) -> None:
        """Let tenants reach tenants at Microsoft, as the operator does; the file of task-runner has them already."""
        await Operator(self.url, self._identity, Path()).bind_at_session_api(bindings)

    def bind_in_the_file(self, tenants: Iterable[int]) -> None:
        """Bind the customers of callers in the file of task-runner, in one go."""
        bindings = [binding_of(tenant, external_tenant_of(tenant)) for tenant in tenants]
        text = msgspec.json.encode(bindings).decode()
        write = "import sys; open('/setup/bindings/bindings.json', 'w').write(sys.argv[1])"
        self.compose("run", "--rm", "--no-deps", "--entrypoint", "python", "bind", "-c", write, text)

    async def rows(self, role: str, query: str, *values: object, database: str | None = None) -> list[asyncpg.Record]:
        """The rows of a query as ``session_api``, ``task_runner`` or ``evidence_store``, by default in its database."""
        address = self._address("postgres", 5432)
        url = f"postgresql://{role}:{self._passwords[role]}@{address}/{database or role}"
        connection = await asyncpg.connect(url, timeout=10)
        try:
            return list(await connection.fetch(query, *values, timeout=30))
        finally:
            await connection.close(timeout=5)

    async def value(self, database: str, query: str, *values: object) -> Any:
        """The first value of a query's only row."""
        ((value, *_),) = await self.rows(database, query, *values)
        return value

    def _address(self, service: str, port: int) -> str:
        """The address at which a port is published now; another one after each start."""
        return self.compose("port", service, str(port)).strip()

    def leftovers(self) -> dict[str, list[str]]:
        """The parts of the project that are still there."""
        mine = f"label=com.docker.compose.project={self.project}"
        return {
            kind: listed.split()
            for kind, listed in (
                ("containers", run("docker", "ps", "--all", "--quiet", "--filter", mine)),
                ("volumes", run("docker", "volume", "ls", "--quiet", "--filter", mine)),
                ("networks", run("docker", "network", "ls", "--quiet", "--filter", mine)),
            )
            if listed.strip()
        }


def run(*line: str, environment: dict[str, str] | None = None, seconds: float = 120.0) -> str:
    """Run a command; returns its output. A failure shows its output."""
    began = time.monotonic()
    done = subprocess.run(
        line, env=environment, cwd=ROOT, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=seconds
    )
    if done.returncode:
        took = time.monotonic() - began
        raise AssertionError(
            f"{' '.join(line)} ended with {done.returncode} after {took:.1f} s:\n{done.stderr[-4000:]}"
        )
    return done.stdout


@contextmanager
def composed_system() -> Iterator[Composed]:
    """`docker compose up --wait` in a project of its own; `down --volumes` at the end, which must leave nothing."""
    with tempfile.TemporaryDirectory(prefix="onb-compose-") as folder:
        system = Composed(f"onbtest{uuid.uuid4().hex[:8]}", Path(folder))
        try:
            system.compose("up", "--detach", "--wait", "--build", seconds=START_SECONDS)
            system.remember_secrets()
            system.bind_in_the_file(range(FIRST_TENANT, FIRST_TENANT + TENANTS))
            yield system
        finally:
            system.compose("--profile", "*", "down", "--volumes", seconds=180)
            images = run("docker", "image", "ls", "--quiet", "--filter", f"reference=onboarding/*:{system.version}")
            run("docker", "image", "rm", "--force", *set(images.split()))
        assert system.leftovers() == {}
