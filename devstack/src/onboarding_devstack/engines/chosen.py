"""The choice of engines: embedded or external ones. It is stored in the data folder."""

from dataclasses import asdict, dataclass
from pathlib import Path

from onboarding_devstack.engines.broker import Broker
from onboarding_devstack.engines.embedded_broker import EmbeddedBroker
from onboarding_devstack.engines.kafka_jvm import ApacheKafka
from onboarding_devstack.files import read_json, write_json

EMBEDDED = "embedded"
BROKERS: dict[str, type[Broker]] = {EMBEDDED: EmbeddedBroker, "kafka": ApacheKafka}

# An external broker is assumed to be Apache Kafka with its own default replication factor.
OUTSIDE_CLIENT_SETTINGS = {"KAFKA_ENABLE_IDEMPOTENCE": "true", "ONBOARDING_TOPIC_REPLICATION_FACTOR": "-1"}


@dataclass(frozen=True)
class Engines:
    """The engines of one embedded system."""

    broker: str = EMBEDDED
    """`embedded`, `kafka`, or the `host:port` of an external broker."""
    postgres: str = EMBEDDED
    """`embedded`, or the URL of an external server, with a role that may create roles and databases."""

    @property
    def own_broker(self) -> Broker | None:
        """The broker that runs as a process of the system; None if it is external."""
        kind = BROKERS.get(self.broker)
        return kind() if kind is not None else None

    @property
    def outside(self) -> frozenset[str]:
        """The names of the external engines."""
        external = {"broker": self.own_broker is None, "postgres": self.postgres != EMBEDDED}
        return frozenset(name for name, outside in external.items() if outside)

    def client_settings(self) -> dict[str, str]:
        """Environment variables of the broker's clients, except its address."""
        own = self.own_broker
        return dict(OUTSIDE_CLIENT_SETTINGS if own is None else own.client_settings)


EMBEDDED_ENGINES = Engines()


def choose(folder: Path, broker: str | None = None, postgres: str | None = None) -> Engines:
    """The engines for a start on `folder`: the given ones, else those of the previous start, else the embedded ones."""
    kept = recall_engines(folder)
    return Engines(broker or kept.broker, postgres or kept.postgres)


def recall_engines(folder: Path) -> Engines:
    """The engines of the latest start on `folder`; the embedded ones before the first."""
    kept = read_json(_file(folder))
    return Engines(str(kept.get("broker") or EMBEDDED), str(kept.get("postgres") or EMBEDDED))


def remember(folder: Path, engines: Engines) -> None:
    """Store the choice, readable by the owner only: the URL may contain a password."""
    write_json(_file(folder), asdict(engines))


def _file(folder: Path) -> Path:
    return folder / "engines.json"
