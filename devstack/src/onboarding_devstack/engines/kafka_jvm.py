"""Apache Kafka on a Java of this machine: a single node, broker and controller in one process (KRaft).

Its topics, messages and offsets are stored in the data folder and survive restarts and kills.
"""

import os
import subprocess
import uuid
from base64 import urlsafe_b64encode
from collections.abc import Callable, Mapping
from importlib.resources import files
from pathlib import Path

from onboarding_devstack.engines import kafka_jars
from onboarding_devstack.engines.broker import HOST, bootstrap_servers
from onboarding_devstack.engines.engine_error import EngineError
from onboarding_devstack.engines.java import find_java

SETTINGS: dict[str, str] = {
    "process.roles": "broker,controller",
    "node.id": "1",
    "controller.listener.names": "CONTROLLER",
    "listener.security.protocol.map": "CONTROLLER:PLAINTEXT,PLAINTEXT:PLAINTEXT",
    # The publisher of a topic creates it.
    "auto.create.topics.enable": "false",
    "compression.type": "uncompressed",
    "message.max.bytes": "1048588",
    "default.replication.factor": "1",
    "min.insync.replicas": "1",
    "offsets.topic.replication.factor": "1",
    "offsets.topic.num.partitions": "4",
    "transaction.state.log.replication.factor": "1",
    "transaction.state.log.min.isr": "1",
    "transaction.state.log.num.partitions": "1",
    "share.coordinator.state.topic.replication.factor": "1",
    "share.coordinator.state.topic.min.isr": "1",
    "share.coordinator.state.topic.num.partitions": "1",
    # A group's first member need not wait for others.
    "group.initial.rebalance.delay.ms": "0",
    # After a kill the controller registers the broker again once the session has expired.
    "broker.heartbeat.interval.ms": "500",
    "broker.session.timeout.ms": "4000",
    # The default uses 128 MB of the heap.
    "log.cleaner.dedupe.buffer.size": str(16 * 1024 * 1024),
    "log.index.size.max.bytes": str(1024 * 1024),
}

# A small heap, the serial collector and the C1 compiler only: the start takes 3.5 s of CPU time instead of 6.
JAVA_OPTIONS = (
    "-Xms128m",
    "-Xmx512m",
    "-XX:+UseSerialGC",
    "-XX:TieredStopAtLevel=1",
    "-XX:+ExitOnOutOfMemoryError",
    "-Djava.awt.headless=true",
)


class ApacheKafka:
    """The released broker; ready in about 4 s."""

    label = f"Apache Kafka {kafka_jars.VERSION}"
    keeps_messages = True
    client_settings: Mapping[str, str] = {
        "KAFKA_ENABLE_IDEMPOTENCE": "true",
        "ONBOARDING_TOPIC_REPLICATION_FACTOR": "1",
    }

    def obtain(self, report: Callable[[str], None]) -> None:
        """Find a Java, and download the missing jars. Raises `EngineError`."""
        find_java()
        kafka_jars.fetch(kafka_jars.cache_folder(), kafka_jars.pinned(), report)

    def describe(self) -> str:
        """The versions, and the number of files that the first start downloads."""
        java = find_java()
        lacking = len(kafka_jars.missing(kafka_jars.cache_folder(), kafka_jars.pinned()))
        jars = f"; its first start fetches {lacking} files" if lacking else ""
        return f"{self.label} on Java {java.version} at {java.program}{jars}"

    def prepare(self, folder: Path, ports: Mapping[str, int]) -> None:
        """Write the configuration for these ports, and format new storage. Raises `EngineError`."""
        folder.mkdir(parents=True, exist_ok=True)
        _configuration(folder).write_text(_properties(folder, ports), encoding="utf-8")
        if (_data(folder) / "meta.properties").exists():
            return
        cluster_id = urlsafe_b64encode(uuid.uuid4().bytes).decode().rstrip("=")
        tool = ["kafka.tools.StorageTool", "format", f"--cluster-id={cluster_id}", "--ignore-formatted", "--config"]
        command = java(*JAVA_OPTIONS, *tool, str(_configuration(folder)))
        done = subprocess.run(command, env=self.environment(), capture_output=True, text=True, check=False)
        if done.returncode != 0:
            raise EngineError("broker", f"the storage cannot be formatted: {(done.stderr or done.stdout).strip()}")

    def command(self, folder: Path, ports: Mapping[str, int]) -> list[str]:
        """The command line of the process."""
        return java(*JAVA_OPTIONS, "kafka.Kafka", str(_configuration(folder)))

    def environment(self) -> dict[str, str]:
        """The environment of this process without variables that the JVM interprets as options."""
        foreign = ("JAVA_TOOL_OPTIONS", "_JAVA_OPTIONS", "JDK_JAVA_OPTIONS", "CLASSPATH", "KAFKA_")
        return {name: value for name, value in os.environ.items() if not name.startswith(foreign)}


def java(*arguments: str) -> list[str]:
    """The command line of a program among the jars, with its arguments."""
    logging = f"-Dlog4j2.configurationFile={files('onboarding_devstack.engines') / 'kafka_log4j2.xml'}"
    return [find_java().program, "-cp", kafka_jars.class_path(kafka_jars.cache_folder()), logging, *arguments]


def _properties(folder: Path, ports: Mapping[str, int]) -> str:
    here = bootstrap_servers(ports)
    controller = f"{HOST}:{ports['controller']}"
    of_this_folder = {
        "listeners": f"PLAINTEXT://{here},CONTROLLER://{controller}",
        "advertised.listeners": f"PLAINTEXT://{here}",
        "controller.quorum.voters": f"{SETTINGS['node.id']}@{controller}",
        "log.dirs": str(_data(folder)).replace("\\", "\\\\"),
    }
    return "".join(f"{name}={value}\n" for name, value in (SETTINGS | of_this_folder).items())


def _configuration(folder: Path) -> Path:
    return folder.absolute() / "server.properties"


def _data(folder: Path) -> Path:
    return folder.absolute() / "data"
