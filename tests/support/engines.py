"""The engines that the tests run on, and the choice between them.

``ONBOARDING_TEST_ENGINES`` is a list, of which the first one that can be used here is taken: ``embedded``, ``docker``,
``kafka``. ``ONBOARDING_TEST_POSTGRES_URL`` and ``ONBOARDING_TEST_KAFKA`` name servers that run already; tests that kill
engines or want them empty still start their own.
"""

import asyncio
import contextlib
import functools
import os
from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager
from typing import Protocol

from aiokafka import TopicPartition
from aiokafka.admin import AIOKafkaAdminClient

from onboarding_devstack.engines.chosen import OUTSIDE_CLIENT_SETTINGS
from onboarding_shared.process.message_settings import KafkaSettings
from tests.support.children import Children
from tests.support.containers import Containers
from tests.support.databases import Server
from tests.support.free_ports import free_port

ORDER_VARIABLE = "ONBOARDING_TEST_ENGINES"
POSTGRES_VARIABLE = "ONBOARDING_TEST_POSTGRES_URL"
KAFKA_VARIABLE = "ONBOARDING_TEST_KAFKA"
DEFAULT_ORDER = "embedded,docker"


class Engines(Protocol):
    """One way to get hold of PostgreSQL and a broker."""

    name: str
    client_settings: Mapping[str, str]
    """Variables for the broker's clients, beside its address."""

    def unusable(self) -> str | None: ...
    def described(self) -> str: ...
    def postgres_server(self) -> AbstractContextManager[str]: ...
    def kafka_broker(self, port: int) -> AbstractContextManager[str]: ...
    def up_options(self) -> AbstractContextManager[list[str]]: ...


class NoEnginesError(Exception):
    """None of the engines in the list can be used here."""


@functools.cache
def chosen() -> Engines:
    """The first of the list that can be used here."""
    known: dict[str, Engines] = {
        engines.name: engines for engines in (Children("embedded"), Children("kafka"), Containers())
    }
    refused = []
    for name in (os.environ.get(ORDER_VARIABLE) or DEFAULT_ORDER).split(","):
        engines = known.get(name.strip())
        if engines is None:
            raise NoEnginesError(f"{ORDER_VARIABLE} knows {', '.join(known)}, not {name!r}")
        why = engines.unusable()
        if why is None:
            return engines
        refused.append(f"{engines.name}: {why}")
    raise NoEnginesError("no engines for the tests: " + "; ".join(refused))


def described() -> str:
    """The choice in words, for the header of a test run."""
    try:
        engines = chosen()
        words = f"engines: {engines.name} ({engines.described()})"
    except NoEnginesError as error:
        words = f"engines: {error}"
    outside = [name for name in (POSTGRES_VARIABLE, KAFKA_VARIABLE) if os.environ.get(name)]
    return words + (f"; but for what is shared those of {' and '.join(outside)}" if outside else "")


@contextlib.contextmanager
def postgres_server() -> Iterator[Server]:
    """The PostgreSQL that tests share."""
    if url := os.environ.get(POSTGRES_VARIABLE):
        yield Server(url)
        return
    with chosen().postgres_server() as url:
        yield Server(url)


@contextlib.contextmanager
def shared_broker() -> Iterator[str]:
    """The broker that tests share; yields its bootstrap address."""
    if address := os.environ.get(KAFKA_VARIABLE):
        if topics := [name for name in asyncio.run(topics_at(address)) if name.startswith("onboarding.")]:
            raise NoEnginesError(f"{KAFKA_VARIABLE}={address} must be an empty broker, but has {', '.join(topics)}")
        yield address
        return
    with kafka_broker() as address:
        yield address


@contextlib.contextmanager
def kafka_broker(port: int | None = None) -> Iterator[str]:
    """A broker without any topic, on ``port`` or a free one; yields its bootstrap address."""
    with chosen().kafka_broker(port or free_port()) as address:
        yield address


def client_environment(address: str) -> dict[str, str]:
    """Variables for a process that is to reach the broker at ``address``."""
    outside = address == os.environ.get(KAFKA_VARIABLE)
    settings = OUTSIDE_CLIENT_SETTINGS if outside else chosen().client_settings
    return {"KAFKA_BOOTSTRAP_SERVERS": address, "ONBOARDING_TOPIC_PARTITIONS": "3", **settings}


def kafka_settings(address: str) -> KafkaSettings:
    """The same as settings."""
    environment = client_environment(address)
    return KafkaSettings(
        bootstrap_servers=address,
        enable_idempotence=environment["KAFKA_ENABLE_IDEMPOTENCE"] == "true",
        replication_factor=int(environment["ONBOARDING_TOPIC_REPLICATION_FACTOR"]),
        topic_partitions=3,
    )


def up_options() -> AbstractContextManager[list[str]]:
    """The options of `onboarding up` for an embedded system on the chosen engines."""
    return chosen().up_options()


async def topics_at(address: str) -> set[str]:
    """The names of a broker's topics but for its own."""
    admin = AIOKafkaAdminClient(bootstrap_servers=address)
    await admin.start()
    try:
        return {name for name in await admin.list_topics() if not name.startswith("__")}
    finally:
        await admin.close()


async def offsets_at(address: str, group: str, topic: str, partitions: int) -> list[int]:
    """The offsets of a topic's partitions that a consumer group has committed at a broker."""
    admin = AIOKafkaAdminClient(bootstrap_servers=address)
    await admin.start()
    try:
        wanted = [TopicPartition(topic, number) for number in range(partitions)]
        committed = await admin.list_consumer_group_offsets(group, partitions=wanted)
        return [partition.offset for partition in committed.values() if partition.offset >= 0]
    finally:
        await admin.close()
