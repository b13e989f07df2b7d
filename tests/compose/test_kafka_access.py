"""Rights on compose's Kafka: a rule of each kind, tried by a client in a container of its own."""

import json
from pathlib import Path

import pytest

from tests.support.composed import Composed

pytestmark = [pytest.mark.system, pytest.mark.timeout(1200)]

CLIENT = Path(__file__).with_name("kafka_client.py").read_text(encoding="utf-8")
TOPICS = {
    "onboarding.task-commands.v1": "session-api",
    "onboarding.sessions.v1": "session-api",
    "onboarding.audit.session-api.v1": "session-api",
    "onboarding.operation-runs.v1": "task-runner",
    "onboarding.task-types.v1": "task-runner",
    "onboarding.audit.task-runner.v1": "task-runner",
    "onboarding.evidence.v1": "evidence-store",
    "onboarding.audit.evidence-store.v1": "evidence-store",
}
DEAD_LETTERS_WRITTEN_BY = {
    "session-api": "onboarding.operation-runs.v1.dlq",
    "task-runner": "onboarding.task-commands.v1.dlq",
    "evidence-store": "onboarding.operation-runs.v1.dlq",
}
PRINCIPALS = ("session-api", "task-runner", "evidence-store", "onboarding-subscriber", "kafka-ui")
NOT_THE_TOPIC, NOT_THE_GROUP = "TopicAuthorizationFailedError", "GroupAuthorizationFailedError"


def attempts(system: Composed, user: str, password: str, *wanted: tuple[str, str]) -> dict[tuple[str, str], str]:
    """The outcome of each attempt: ``allowed``, or the name of the error."""
    tried = (json.dumps(attempt) for attempt in wanted)
    lines = system.python_beside("messages", "-c", CLIENT, user, password, *tried).splitlines()
    return {(operation, name): result for operation, name, result in map(json.loads, lines)}


def signed_in(system: Composed, principal: str, *wanted: tuple[str, str]) -> dict[tuple[str, str], str]:
    return attempts(system, principal, system.kafka_password(principal), *wanted)


@pytest.mark.parametrize("principal", PRINCIPALS)
def test_a_foreign_principal_is_refused_to_write_to_each_topic(system: Composed, principal: str) -> None:
    foreign = [("write", topic) for topic, owner in TOPICS.items() if owner != principal]
    foreign += [("write", f"{topic}.dlq") for topic, owner in TOPICS.items() if owner == principal]
    assert len(foreign) == 8
    assert signed_in(system, principal, *foreign) == dict.fromkeys(foreign, NOT_THE_TOPIC)


@pytest.mark.parametrize("principal", DEAD_LETTERS_WRITTEN_BY)
def test_a_consumer_may_write_dead_letters_and_not_read_them(system: Composed, principal: str) -> None:
    topic = DEAD_LETTERS_WRITTEN_BY[principal]
    assert signed_in(system, principal, ("write", topic), ("read", topic)) == {
        ("write", topic): "allowed",
        ("read", topic): NOT_THE_TOPIC,
    }


async def test_only_granted_topics_and_groups_are_readable(system: Composed) -> None:
    async with system.caller() as caller:
        await caller.connect("healthy")
        await caller.ended(await caller.start("graph.connectivity"))
    runs, commands = "onboarding.operation-runs.v1", "onboarding.task-commands.v1"
    assert signed_in(
        system, "onboarding-subscriber", ("join", "onboarding-subscriber-billing"), ("join", "evidence-store"),
        ("read", runs), ("read", commands), ("create", "onboarding.other.v1"), ("grant", runs),
    ) == {
        ("join", "onboarding-subscriber-billing"): "allowed",
        ("join", "evidence-store"): NOT_THE_GROUP,
        ("read", runs): "allowed",
        ("read", commands): NOT_THE_TOPIC,
        ("create", "onboarding.other.v1"): "TOPIC_AUTHORIZATION_FAILED",
        ("grant", runs): "CLUSTER_AUTHORIZATION_FAILED",
    }  # fmt: skip
    assert signed_in(system, "kafka-ui", ("read", runs), ("read", commands), ("join", "evidence-store")) == {
        ("read", runs): "allowed",
        ("read", commands): NOT_THE_TOPIC,
        ("join", "evidence-store"): NOT_THE_GROUP,
    }


@pytest.mark.parametrize(
    ("user", "password"),
    [("session-api", "wrong"), ("somebody-else", "wrong"), ("ANONYMOUS", ""), ("", "")],
    ids=["wrong password", "unknown user", "the node itself", "no login"],
)
def test_nobody_signs_in_without_the_right_password(system: Composed, user: str, password: str) -> None:
    assert attempts(system, user, password, ("sign_in", "")) == {("sign_in", ""): "KafkaConnectionError"}


def test_the_listeners_without_logins_are_closed_to_others(system: Composed) -> None:
    script = """
import socket
for port in (9092, 9093, 9094):
    try:
        socket.create_connection(("kafka", port), timeout=5).close(); print(port, "open")
    except OSError as error:
        print(port, type(error).__name__)
"""
    assert system.python_beside("messages", "-c", script).splitlines() == [
        "9092 open", "9093 ConnectionRefusedError", "9094 ConnectionRefusedError"
    ]  # fmt: skip
