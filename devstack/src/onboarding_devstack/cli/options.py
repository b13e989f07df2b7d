"""Options that several commands share."""

import re
from pathlib import Path
from typing import Annotated, Literal

from cyclopts import Parameter

EMBEDDED = "embedded"
BROKERS = (EMBEDDED, "kafka")

Data = Annotated[
    Path | None,
    Parameter(
        name="--data",
        help="Data folder of the embedded system. Default: ONBOARDING_HOME, else .onboarding in a checkout, "
        "else the user's data folder.",
    ),
]
Json = Annotated[bool, Parameter(name="--json", negative="", help="Print JSON.")]


_ADDRESSES = re.compile(r"[^\s,:]+:\d+(,[^\s,:]+:\d+)*")


def _broker(_: object, value: str | None) -> None:
    if value is not None and value not in BROKERS and not _ADDRESSES.fullmatch(value):
        raise ValueError(f"must be {', '.join(BROKERS)}, or HOST:PORT")


def _kafka(_: object, value: str | None) -> None:
    if value is not None and not _ADDRESSES.fullmatch(value):
        raise ValueError("must be HOST:PORT")


def _postgres(_: object, value: str | None) -> None:
    if value is not None and value != EMBEDDED and not value.startswith("postgresql://"):
        raise ValueError(f"must be {EMBEDDED}, or a postgresql:// URL")


BrokerChoice = Annotated[
    str | None,
    Parameter(
        name="--broker",
        validator=_broker,
        help="embedded (in memory), kafka (Apache Kafka on a Java of this machine; keeps its messages), or the "
        "HOST:PORT of an external broker. Default: that of the previous start, else embedded.",
    ),
]
KafkaAddress = Annotated[
    str | None,
    Parameter(
        name="--kafka",
        validator=_kafka,
        help="HOST:PORT of a broker; a login is read from KAFKA_SECURITY_PROTOCOL and the other variables of the "
        "services. Default: the broker of the running embedded system.",
    ),
]
PostgresChoice = Annotated[
    str | None,
    Parameter(
        name="--postgres",
        validator=_postgres,
        help="embedded, or the postgresql:// URL of an external server, with a role that may create roles and "
        "databases. Default: that of the previous start, else embedded.",
    ),
]
ProcessName = Literal["session-api", "task-runner", "evidence-store", "graph", "identity", "broker", "postgres"]
