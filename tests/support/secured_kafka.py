"""Apache Kafka with logins (SCRAM-SHA-512) and the rights of `kafka_access`: what nobody granted is refused."""

import contextlib
import secrets
import shutil
import subprocess
import tempfile
from base64 import urlsafe_b64encode
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

from confluent_kafka.admin import AdminClient

from onboarding_devstack.engines.broker import bootstrap_servers, wait_until_ready
from onboarding_devstack.engines.kafka_access import KAFKA_UI, PRINCIPALS, Grant, grants
from onboarding_devstack.engines.kafka_jvm import JAVA_OPTIONS, SETTINGS, ApacheKafka, java
from onboarding_devstack.engines.kafka_rights import administrator, set_passwords, set_rights
from onboarding_shared.process.message_settings import KafkaSettings
from tests.support.free_ports import free_port

ADMINISTRATOR, FOREIGN = "admin", "somebody-else"
START_SECONDS = 120.0


@dataclass(frozen=True)
class SecuredKafka:
    """A running broker and the passwords of its principals."""

    address: str
    passwords: dict[str, str] = field(repr=False)

    def variables(self, principal: str) -> dict[str, str]:
        """The variables of a service that signs in as this principal."""
        return {
            "KAFKA_BOOTSTRAP_SERVERS": self.address,
            "KAFKA_SECURITY_PROTOCOL": "SASL_PLAINTEXT",
            "KAFKA_SASL_MECHANISM": "SCRAM-SHA-512",
            "KAFKA_SASL_USERNAME": principal,
            "KAFKA_SASL_PASSWORD": self.passwords[principal],
            "KAFKA_ENABLE_IDEMPOTENCE": "true",
            "ONBOARDING_TOPIC_PARTITIONS": "3",
            "ONBOARDING_TOPIC_REPLICATION_FACTOR": "1",
        }

    def settings(self, principal: str) -> KafkaSettings:
        """The same as settings."""
        return KafkaSettings(
            bootstrap_servers=self.address,
            security_protocol="SASL_PLAINTEXT",
            sasl_mechanism="SCRAM-SHA-512",
            sasl_username=principal,
            sasl_password=self.passwords[principal],
            topic_partitions=3,
            replication_factor=1,
        )

    def give_rights(self, wanted: Iterable[Grant] = grants()) -> None:
        """Do the same as the commands of docs/how-to/run-in-production.md."""
        set_rights(self.administrator(), wanted)

    def administrator(self) -> AdminClient:
        """A client that may do everything."""
        return administrator(
            {
                "bootstrap.servers": self.address,
                "security.protocol": "SASL_PLAINTEXT",
                "sasl.mechanism": "SCRAM-SHA-512",
                "sasl.username": ADMINISTRATOR,
                "sasl.password": self.passwords[ADMINISTRATOR],
            }
        )


@contextlib.contextmanager
def secured_kafka() -> Iterator[SecuredKafka]:
    """A broker without topics and rights; all principals can sign in. It is killed in the end."""
    ports = {"broker": free_port(), "controller": free_port()}
    passwords = {name: secrets.token_hex(16) for name in (*PRINCIPALS, KAFKA_UI, ADMINISTRATOR, FOREIGN)}
    kafka = ApacheKafka()
    kafka.obtain(print)
    folder = Path(tempfile.mkdtemp(prefix="onb-"))
    try:
        _format(folder, ports, passwords)
        command = java(*JAVA_OPTIONS, "kafka.Kafka", str(folder / "server.properties"))
        with (folder / "log").open("wb") as log:
            process = subprocess.Popen(command, env=kafka.environment(), stdout=log, stderr=log)
        try:
            wait_until_ready(bootstrap_servers(ports), START_SECONDS)
            kafka_with_logins = SecuredKafka(bootstrap_servers(ports), passwords)
            set_passwords(kafka_with_logins.administrator(), passwords)
            yield kafka_with_logins
        finally:
            process.kill()
            process.wait(20)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _format(folder: Path, ports: dict[str, int], passwords: dict[str, str]) -> None:
    controller = f"127.0.0.1:{ports['controller']}"
    login = f'username="{ADMINISTRATOR}" password="{passwords[ADMINISTRATOR]}"'
    module = "org.apache.kafka.common.security.scram.ScramLoginModule"
    properties = SETTINGS | {
        "listener.security.protocol.map": "CONTROLLER:PLAINTEXT,CLIENTS:SASL_PLAINTEXT",
        "listeners": f"CLIENTS://{bootstrap_servers(ports)},CONTROLLER://{controller}",
        "advertised.listeners": f"CLIENTS://{bootstrap_servers(ports)}",
        "inter.broker.listener.name": "CLIENTS",
        "sasl.enabled.mechanisms": "SCRAM-SHA-512",
        "sasl.mechanism.inter.broker.protocol": "SCRAM-SHA-512",
        "listener.name.clients.scram-sha-512.sasl.jaas.config": f"{module} required {login};",
        "controller.quorum.voters": f"{SETTINGS['node.id']}@{controller}",
        "log.dirs": str(folder / "data"),
        "authorizer.class.name": "org.apache.kafka.metadata.authorizer.StandardAuthorizer",
        # The broker itself, on the listener of the controller, signs in as nobody.
        "super.users": f"User:{ADMINISTRATOR};User:ANONYMOUS",
    }
    configuration = folder / "server.properties"
    configuration.write_text("".join(f"{name}={value}\n" for name, value in properties.items()), encoding="utf-8")
    cluster_id = urlsafe_b64encode(secrets.token_bytes(16)).decode().rstrip("=")
    scram = f"--add-scram=SCRAM-SHA-512=[name={ADMINISTRATOR},password={passwords[ADMINISTRATOR]}]"
    tool = ["kafka.tools.StorageTool", "format", f"--cluster-id={cluster_id}", "--config", str(configuration), scram]
    done = subprocess.run(
        java(*JAVA_OPTIONS, *tool), env=ApacheKafka().environment(), capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr or done.stdout
