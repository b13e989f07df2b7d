"""Keys of runs, and which messages about a run are accepted."""

from datetime import UTC, datetime

import msgspec
import pytest

from onboarding_shared.contracts.cloudevents import Received, Undecodable, decode, encode_headers
from onboarding_shared.contracts.message import Message
from onboarding_shared.contracts.run_keys import Purpose, RunKeys, mac_of
from onboarding_shared.contracts.session_api import CancelTask, ResumeTask, SessionStarted
from onboarding_shared.contracts.task_runner import RunStarted
from onboarding_shared.contracts.topics import OPERATION_RUNS, SOURCES, TASK_COMMANDS
from tests.support.function_calls import CountedCalls

NEW, OLD, FOREIGN = "n" * 32, "o" * 32, "f" * 32
KEYS = RunKeys([NEW, OLD])
NOW = datetime(2026, 11, 24, tzinfo=UTC)
STARTED = RunStarted(tenant_id=42, run_id=7, task_type="license.inventory", attempt=1, started_at=NOW)
DATA = msgspec.json.encode(STARTED)
TOPIC = OPERATION_RUNS.name


def key(secret: str = NEW, tenant_id: int = 42, run_id: int = 7) -> str:
    derived = RunKeys([secret]).key_of(tenant_id, run_id)
    assert derived is not None
    return derived


def refusal(
    mac: str | None, run_keys: RunKeys | None = KEYS, data: bytes = DATA, event_type: str = STARTED.event_type()
) -> str | None:
    """The reason for which the record is refused, None if it is accepted."""
    headers = encode_headers(
        message_id="m",
        source=SOURCES[TOPIC],
        event_type=event_type,
        time=NOW,
        subject="runs/7",
        tenant_id=42,
        sequence=3,
        traceparent=None,
        mac=mac,
    )
    try:
        decode(TOPIC, b"42", data, headers, run_keys)
    except Undecodable as error:
        return error.code
    return None


@pytest.mark.parametrize("secret", [NEW, OLD])
def test_the_mac_of_the_run_is_accepted_under_each_secret(secret: str) -> None:
    assert refusal(mac_of(key(secret), TOPIC, 3, DATA)) is None


@pytest.mark.parametrize(
    "mac",
    [
        None,
        "",
        "é",
        mac_of(key(FOREIGN), TOPIC, 3, DATA),
        mac_of(key(run_id=8), TOPIC, 3, DATA),
        mac_of(key(tenant_id=43), TOPIC, 3, DATA),
        mac_of(key(), TOPIC, 4, DATA),
        mac_of(key(), TOPIC, 3, DATA + b" "),
        mac_of(key(), TASK_COMMANDS.name, 3, DATA),
    ],
    ids=["none", "empty", "not ASCII", "secret", "run", "tenant", "sequence", "value", "topic"],
)
def test_every_other_mac_is_refused(mac: str | None) -> None:
    assert refusal(mac) == "MAC_INVALID"


def test_without_secrets_no_mac_is_needed() -> None:
    assert refusal(None, RunKeys([])) is None
    assert RunKeys([]).key_of(42, 7) is None


def test_an_upgrade_accepts_a_missing_mac_but_no_wrong_one() -> None:
    upgrading = RunKeys([NEW], accept_without_mac=True)
    assert (refusal(None, upgrading), refusal("wrong", upgrading)) == (None, "MAC_INVALID")


def decoded(message: Message, mac: str | None, run_keys: RunKeys) -> Message | str:
    """The message of a record, or the reason for which it is refused."""
    headers = encode_headers(
        message_id="m",
        source=message.topic.source,
        event_type=message.event_type(),
        time=NOW,
        subject=message.subject,
        tenant_id=42,
        sequence=1,
        traceparent=None,
        mac=mac,
    )
    try:
        received = decode(message.topic.name, b"42", msgspec.json.encode(message), headers, run_keys)
    except Undecodable as error:
        return error.code
    assert isinstance(received, Received)
    return received.message


def test_messages_that_are_not_about_runs_need_no_mac() -> None:
    event = SessionStarted(tenant_id=42, session_id=7, by_user_id=1)
    assert decoded(event, None, KEYS) == event


@pytest.mark.parametrize("kind", [CancelTask, ResumeTask])
def test_a_command_needs_the_mac_of_commands(kind: type[CancelTask | ResumeTask]) -> None:
    keys, of_runs = RunKeys([NEW], purpose=Purpose.COMMANDS), RunKeys([NEW])
    command = kind(tenant_id=42, run_id=7, requested_by=1, requested_at=NOW)
    value = msgspec.json.encode(command)
    macs = [mac_of(other.key_of(42, 7) or "", TASK_COMMANDS.name, 1, value) for other in (keys, of_runs)]
    assert [decoded(command, mac, keys) for mac in (*macs, None)] == [command, "MAC_INVALID", "MAC_INVALID"]


def test_neither_key_nor_secret_is_shown() -> None:
    assert NEW not in repr(KEYS)
    assert key() != key(OLD) != key(run_id=8)


@pytest.mark.parametrize(
    ("data", "secret", "code"),
    [
        (b'{"type":"AddedLater","tenant_id":42,"run_id":7}', NEW, None),
        (b'{"type":"AddedLater","tenant_id":42,"run_id":7}', FOREIGN, "MAC_INVALID"),
        (b'{"type":"AddedLater","tenant_id":42}', NEW, "MAC_INVALID"),
    ],
    ids=["right", "another secret", "no run"],
)
def test_an_unknown_message_about_runs_needs_the_mac_too(data: bytes, secret: str, code: str | None) -> None:
    mac = mac_of(key(secret), TOPIC, 3, data)
    assert refusal(mac, data=data, event_type="org.onboarding.AddedLater.v1") == code


def test_a_key_of_a_run_is_no_key_of_its_command() -> None:
    assert key() != RunKeys([NEW], purpose=Purpose.COMMANDS).key_of(42, 7)


def test_a_usual_record_is_decoded_in_few_calls() -> None:
    headers = encode_headers(
        message_id="m", source=SOURCES[TOPIC], event_type=STARTED.event_type(), time=NOW, subject="runs/7",
        tenant_id=42, sequence=3, traceparent="00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
        mac=mac_of(key(), TOPIC, 3, DATA),
    )  # fmt: skip

    with CountedCalls() as calls:
        decoded = decode(TOPIC, b"42", DATA, headers, KEYS)

    assert isinstance(decoded, Received)
    assert calls.total <= 9
