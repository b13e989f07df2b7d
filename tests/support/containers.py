"""Engines in containers: the public images of PostgreSQL and Apache Kafka, by testcontainers."""

import contextlib
from collections.abc import Iterator, Mapping

from onboarding_devstack.engines import broker
from onboarding_devstack.engines.kafka_jvm import SETTINGS
from tests.support.free_ports import free_port

POSTGRES_IMAGE = "postgres:18"
KAFKA_IMAGE = "apache/kafka:4.3.1"
CONTROLLER_PORT = 19093
READY_SECONDS = 120.0


class Containers:
    """A container for each server that a test asks for; gone when it is done."""

    name = "docker"
    client_settings: Mapping[str, str] = {
        "KAFKA_ENABLE_IDEMPOTENCE": "true",
        "ONBOARDING_TOPIC_REPLICATION_FACTOR": "1",
    }

    def unusable(self) -> str | None:
        """The reason that containers cannot be used here; None when a Docker engine answers."""
        from testcontainers.core.docker_client import DockerClient

        try:
            DockerClient().client.ping()
        except Exception as error:
            return f"no Docker engine answers: {error}"
        return None

    def described(self) -> str:
        """For the header of a test run."""
        return f"containers of {POSTGRES_IMAGE} and {KAFKA_IMAGE}"

    @contextlib.contextmanager
    def postgres_server(self) -> Iterator[str]:
        """PostgreSQL on a free port; yields its superuser's URL."""
        from testcontainers.community.postgres import PostgresContainer

        container = PostgresContainer(POSTGRES_IMAGE, driver=None).with_command(
            ["postgres", "-c", "max_connections=200"]
        )
        with container as running:
            yield running.get_connection_url(host=_host())

    @contextlib.contextmanager
    def kafka_broker(self, port: int) -> Iterator[str]:
        """A broker without any topic on ``port``; yields its bootstrap address. It is killed in the end."""
        from testcontainers.core.container import DockerContainer

        address = f"{_host()}:{port}"
        settings = SETTINGS | {
            # A broker tells its clients where it is, so it has to know the port outside before it starts.
            "listeners": f"PLAINTEXT://:{port},CONTROLLER://:{CONTROLLER_PORT}",
            "advertised.listeners": f"PLAINTEXT://{address}",
            "controller.quorum.voters": f"{SETTINGS['node.id']}@localhost:{CONTROLLER_PORT}",
        }
        container = DockerContainer(KAFKA_IMAGE).with_bind_ports(port, port)
        container = container.with_env("KAFKA_OPTS", "-XX:TieredStopAtLevel=1")  # ready in half the time
        for name, value in settings.items():
            container = container.with_env(f"KAFKA_{name.upper().replace('.', '_')}", value)
        with container:
            broker.wait_until_ready(address, READY_SECONDS)
            yield address

    @contextlib.contextmanager
    def up_options(self) -> Iterator[list[str]]:
        """The options of `onboarding up` for an embedded system on such engines."""
        with self.postgres_server() as server, self.kafka_broker(free_port()) as address:
            yield ["--postgres", server, "--broker", address]


def _host() -> str:
    """The address of published ports; `localhost` may mean ::1 first, where nobody listens."""
    from testcontainers.core.docker_client import DockerClient

    host = DockerClient().host()
    return "127.0.0.1" if host == "localhost" else host
