"""The rights on Apache Kafka: one principal for each service, and one for subscribers of other teams.

The only source of the rights: `kafka_rights` gives them to a broker, and docs/how-to/run-in-production.md lists them.
docker-compose.yml has one principal more, that of its Kafka UI.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from onboarding_shared.contracts.topics import (
    ALL_TOPICS,
    EVIDENCE,
    OPERATION_RUNS,
    SESSION_API_AUDIT,
    SESSIONS,
    TASK_COMMANDS,
    TASK_TYPES,
    Topic,
    published_by,
)

CONSUMED: Mapping[str, tuple[Topic, ...]] = {
    "session-api": (OPERATION_RUNS, TASK_TYPES),
    "task-runner": (TASK_COMMANDS, EVIDENCE),
    "evidence-store": (OPERATION_RUNS,),
}
FOLLOWED: Mapping[str, tuple[Topic, ...]] = {"session-api": (SESSIONS, EVIDENCE)}
"""Topics that a service reads without a consumer group, only to show them."""
GROUPS: Mapping[str, str] = {
    "session-api": "onboarding.session-api",
    "task-runner": "task-runner",
    "evidence-store": "evidence-store",
}
SUBSCRIBER = "onboarding-subscriber"
"""A principal of another team; its consumer groups begin with its name."""

PRINCIPALS = (*GROUPS, SUBSCRIBER)

KAFKA_UI = "kafka-ui"
"""The principal of a tool that shows topics, consumer groups and settings, and changes nothing."""

CLUSTER = "kafka-cluster"
"""The name that Kafka gives to the cluster as a resource."""

Resource = Literal["topic", "group", "cluster"]
Pattern = Literal["literal", "prefixed"]
Operation = Literal["Read", "Write", "Create", "Describe", "DescribeConfigs"]


@dataclass(frozen=True)
class Grant:
    """Operations of a principal on resources of one type, from every host."""

    principal: str
    operations: tuple[Operation, ...]
    resource: Resource
    names: tuple[str, ...]
    pattern: Pattern = "literal"

    @property
    def options(self) -> str:
        """The options with which `kafka-acls.sh --add` gives it."""
        operations = "".join(f" --operation {operation}" for operation in self.operations)
        names = "".join(f" --{self.resource} {name}" for name in self.names)
        pattern = "" if self.pattern == "literal" else " --resource-pattern-type prefixed"
        return f"--allow-principal User:{self.principal}{operations}{names}{pattern}"


def grants() -> tuple[Grant, ...]:
    """All rights. Everything that is not granted is refused by `StandardAuthorizer`."""
    services = [grant for service in GROUPS for grant in _of_service(service)]
    return (*services, *_of_subscriber())


def grants_of_kafka_ui() -> tuple[Grant, ...]:
    """Messages that a subscriber may read, task types, and all settings. No commands: they have the keys of runs."""
    every = tuple(name for topic in ALL_TOPICS for name in (topic.name, topic.dead_letters))
    shown = (*readable(), TASK_TYPES)
    return (
        Grant(KAFKA_UI, ("Describe", "DescribeConfigs"), "topic", every),
        Grant(KAFKA_UI, ("Read",), "topic", tuple(topic.name for topic in shown)),
        Grant(KAFKA_UI, ("Describe",), "group", tuple(GROUPS.values())),
        Grant(KAFKA_UI, ("Describe", "DescribeConfigs"), "cluster", (CLUSTER,)),
    )


def _of_service(service: str) -> tuple[Grant, ...]:
    """Dead-letter topics are created by the publisher of the topic, and written by those who consume it."""
    own, consumed, followed = published_by(service), CONSUMED[service], FOLLOWED.get(service, ())
    return (
        Grant(service, ("Write", "Create", "Describe"), "topic", tuple(topic.name for topic in own)),
        Grant(service, ("Create", "Describe"), "topic", tuple(topic.dead_letters for topic in own)),
        Grant(service, ("Read", "Describe"), "topic", tuple(topic.name for topic in (*consumed, *followed))),
        Grant(service, ("Write", "Describe"), "topic", tuple(topic.dead_letters for topic in consumed)),
        Grant(service, ("Read",), "group", (GROUPS[service],)),
    )


def _of_subscriber() -> tuple[Grant, ...]:
    return (
        Grant(SUBSCRIBER, ("Read", "Describe"), "topic", tuple(topic.name for topic in readable())),
        Grant(SUBSCRIBER, ("Read",), "group", (SUBSCRIBER,), "prefixed"),
    )


def readable() -> tuple[Topic, ...]:
    """The topics that other teams may read."""
    audit = tuple(topic for topic in ALL_TOPICS if topic.name.startswith(_AUDIT_PREFIX))
    return (SESSIONS, OPERATION_RUNS, EVIDENCE, *audit)


_AUDIT_PREFIX = SESSION_API_AUDIT.name.split("session-api")[0]
