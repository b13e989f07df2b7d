"""The system of docker-compose.yml in testcontainers: Apache Kafka and PostgreSQL in containers, from a checkout.

Needs the extra ``compose`` and a Docker Engine with ``docker compose`` 2.23 or newer. The machines that test this
project have no Docker Engine: the configuration is tested, the containers have not been run with this module.
"""

import importlib.resources
import os
import subprocess
import tempfile
import uuid
from functools import cached_property
from pathlib import Path

from testcontainers.compose import DockerCompose

from onboarding_devstack.engines.kafka_access import SUBSCRIBER
from onboarding_devstack.files import write_private
from onboarding_devstack.identity import Identity
from onboarding_devstack.ports import choose_ports
from onboarding_shared.process.message_settings import KafkaSettings
from onboarding_testing.background import BackgroundLoop
from onboarding_testing.onboarding import Access, Onboarding

OVERRIDE = "published-kafka.yml"
COMMAND_SECONDS = 120.0


class _Project(DockerCompose):
    """A compose project of its own name, so that it disturbs none that runs already."""

    @cached_property
    def compose_command_property(self) -> list[str]:
        """`docker compose` with the name of the project."""
        binary, compose, *options = super().compose_command_property
        return [binary, compose, "--project-name", self.project, *options]

    @cached_property
    def project(self) -> str:
        """The name."""
        return f"onboarding-testing-{uuid.uuid4().hex[:8]}"


class OnboardingStack:
    """Starts docker-compose.yml; use as a fixture::

        @pytest.fixture(scope="session")
        def onboarding():
            with OnboardingStack("/path/to/the/checkout") as started:
                yield started

    ``started`` is an `Onboarding`, as that of the plugin's fixture. Only its ``kafka`` wants a login: ``kafka_login``
    has user and password, for SASL_PLAINTEXT with SCRAM-SHA-512. Containers and volumes are removed at the end.
    """

    def __init__(self, checkout: str | Path) -> None:
        self._folder = tempfile.TemporaryDirectory(prefix="onboarding-testing-")
        self._ports = choose_ports(("api", "graph", "kafka"))
        override = importlib.resources.files("onboarding_testing").joinpath(OVERRIDE).read_text(encoding="utf-8")
        folder = Path(self._folder.name)
        write_private(folder / OVERRIDE, override)
        write_private(folder / "ports.env", "".join(f"{name}={value}\n" for name, value in self._variables().items()))
        self.compose = _Project(
            Path(checkout),
            compose_file_name=["docker-compose.yml", str(folder / OVERRIDE)],
            env_file=str(folder / "ports.env"),
            build=True,
        )
        self._identity = Identity(folder / "identity")
        self._onboarding: Onboarding | None = None
        self.kafka_login = (SUBSCRIBER, "")

    def __enter__(self) -> Onboarding:
        """Build the images, start the containers and wait until all are healthy: some minutes the first time."""
        try:
            self.compose.start()
            self._onboarding = Onboarding(self._access()).__enter__()
        except BaseException:
            self.__exit__()
            raise
        return self._onboarding

    def __exit__(self, *_: object) -> None:
        try:
            if self._onboarding is not None:
                self._onboarding.__exit__()
            self.compose.stop()
        finally:
            self._folder.cleanup()

    def _variables(self) -> dict[str, str]:
        names = {"api": "ONBOARDING_API_PORT", "graph": "ONBOARDING_GRAPH_PORT", "kafka": "ONBOARDING_KAFKA_PORT"}
        return {names[name]: str(port) for name, port in self._ports.items()}

    def _access(self) -> Access:
        """Take the signing key and the subscriber's password from the volumes, as whoever may use Docker can."""
        key = self._run("--entrypoint", "cat", "token", "/setup/identity/private-key.json")
        write_private(self._identity.private_key, key)
        password = self._run(
            "--no-deps", "--entrypoint", "cat", "kafka-access", f"/run/onboarding/{SUBSCRIBER}.password"
        ).strip()
        self.kafka_login = (SUBSCRIBER, password)
        return Access(
            api_url=f"http://127.0.0.1:{self._ports['api']}",
            graph_url=f"http://127.0.0.1:{self._ports['graph']}",
            identity=self._identity,
            kafka=KafkaSettings(
                bootstrap_servers=f"127.0.0.1:{self._ports['kafka']}",
                security_protocol="SASL_PLAINTEXT",
                sasl_mechanism="SCRAM-SHA-512",
                sasl_username=SUBSCRIBER,
                sasl_password=password,
            ),
            bind=self._bind,
        )

    def _bind(self, tenant: int, loop: BackgroundLoop) -> None:
        self._run("bind", "--tenant", str(tenant))

    def _run(self, *arguments: str) -> str:
        """The output of a one-shot container of the project. Raises ``CalledProcessError``."""
        command = [*self.compose.docker_compose_command(), "run", "--rm", *arguments]
        done = subprocess.run(
            command,
            cwd=self.compose.context,
            env=os.environ,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            check=True,
            timeout=COMMAND_SECONDS,
        )
        return done.stdout
