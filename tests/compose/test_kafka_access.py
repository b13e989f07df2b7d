"""Who may do what on compose's Kafka: a rule of each kind, tried by a client in a container of its own."""

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
WITHOUT_LOGIN = {"bootstrap.servers": "kafka:9092", "socket.timeout.ms": "5000"}


def attempts(system: Composed, options: dict[str, str], *wanted: tuple[str, str]) -> dict[tuple[str, str], str]:
    """What came of each attempt: ``allowed``, or the name of the error."""
    arguments = [json.dumps(options), *(json.dumps(attempt) for attempt in wanted)]
    lines = system.python_beside("messages", "-c", CLIENT, *arguments).splitlines()
    return {(operation, name): result for operation, name, result in map(json.loads, lines)}


def login(user: str, password: str) -> dict[str, str]:
    sasl = {"sasl.mechanism": "SCRAM-SHA-512", "sasl.username": user, "sasl.password": password}
    return {**WITHOUT_LOGIN, "security.protocol": "SASL_PLAINTEXT", **sasl}


def signed_in(system: Composed, principal: str, *wanted: tuple[str, str]) -> dict[tuple[str, str], str]:
    return attempts(system, login(principal, system.kafka_password(principal)), *wanted)


@pytest.mark.parametrize("principal", PRINCIPALS)
def test_a_foreign_principal_is_refused_to_write_to_each_topic(system: Composed, principal: str) -> None:
    foreign = [("write", topic) for topic, owner in TOPICS.items() if owner != principal]
    foreign += [("write", f"{topic}.dlq") for topic, owner in TOPICS.items() if owner == principal]
    assert len(foreign) == 8
    assert signed_in(system, principal, *foreign) == dict.fromkeys(foreign, "TOPIC_AUTHORIZATION_FAILED")


@pytest.mark.parametrize("principal", DEAD_LETTERS_WRITTEN_BY)
def test_a_consumer_may_write_dead_letters_and_not_read_them(system: Composed, principal: str) -> None:
    topic = DEAD_LETTERS_WRITTEN_BY[principal]
    assert signed_in(system, principal, ("write", topic), ("read", topic)) == {
        ("write", topic): "allowed",
        ("read", topic): "TOPIC_AUTHORIZATION_FAILED",
    }


async def test_only_granted_topics_and_groups_are_readable(system: Composed) -> None:
    async with system.caller() as caller:
        await caller.connect("healthy")
        await caller.ended(await caller.start("graph.connectivity"))
    refused = "TOPIC_AUTHORIZATION_FAILED"
    runs, commands = "onboarding.operation-runs.v1", "onboarding.task-commands.v1"
    assert signed_in(
        system, "onboarding-subscriber", ("join", "onboarding-subscriber-billing"), ("join", "evidence-store"),
        ("read", runs), ("read", commands), ("create", "onboarding.other.v1"), ("grant", runs),
    ) == {
        ("join", "onboarding-subscriber-billing"): "allowed",
        ("join", "evidence-store"): "GROUP_AUTHORIZATION_FAILED",
        ("read", runs): "allowed",
        ("read", commands): refused,
        ("create", "onboarding.other.v1"): refused,
        ("grant", runs): "CLUSTER_AUTHORIZATION_FAILED",
    }  # fmt: skip
    assert signed_in(system, "kafka-ui", ("read", runs), ("read", commands), ("join", "evidence-store")) == {
        ("read", runs): "allowed",
        ("read", commands): refused,
        ("join", "evidence-store"): "GROUP_AUTHORIZATION_FAILED",
    }


@pytest.mark.parametrize(
    "options",
    [
        login("session-api", "wrong"),
        login("somebody-else", "wrong"),
        login("ANONYMOUS", ""),
    ],
    ids=["wrong password", "unknown user", "name of the node itself"],
)
def test_nobody_signs_in_without_the_right_password(system: Composed, options: dict[str, str]) -> None:
    assert attempts(system, options, ("sign_in", "")) == {("sign_in", ""): "_AUTHENTICATION"}


def test_nobody_gets_an_answer_without_a_login(system: Composed) -> None:
    assert attempts(system, WITHOUT_LOGIN, ("sign_in", ""))[("sign_in", "")] != "allowed"


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
