"""The glossary has every state, status and outcome; the command line's page has every command and behaviour."""

from cyclopts import App

from microsoft_emulator.behaviour import Behaviour
from onboarding_devstack.cli.app import build
from onboarding_devstack.engines.chosen import BROKERS
from onboarding_devstack.engines.kafka_jars import VERSION, pinned
from onboarding_shared.contracts.run_states import TERMINAL
from onboarding_shared.contracts.types import CheckStatus, RunState, SessionStatus
from tests.docs.tables import DOCS, first_words, rows, words

GLOSSARY = DOCS / "glossary.md"
COMMANDS = DOCS / "command-line.md"


def test_every_run_state_stands_there_and_whether_it_is_an_end() -> None:
    told = {words(row[0])[0]: row[2] for row in rows(GLOSSARY, "Check status is not run state") if len(row) == 3}

    assert told == {state.value: "yes" if state in TERMINAL else "no" for state in RunState}


def test_every_session_status_stands_there() -> None:
    told = [words(row[0])[0] for row in rows(GLOSSARY, "Check status is not run state") if len(row) == 2]

    assert told == [status.value for status in SessionStatus]


def test_every_check_status_stands_there() -> None:
    (row,) = [row for row in rows(GLOSSARY, "Words") if row[0] == "**Check status**"]

    assert words(row[1]) == [status.value for status in CheckStatus]


def test_every_command_stands_there() -> None:
    app: App = build()
    commands = {name for name in app if not name.startswith("-")}

    assert set(first_words(COMMANDS, "The command line")) == commands


def test_every_behaviour_of_the_graph_shaped_server_stands_there() -> None:
    assert first_words(COMMANDS, "The Graph-shaped server") == [behaviour.value for behaviour in Behaviour]


def test_every_broker_stands_there() -> None:
    assert first_words(COMMANDS, "The engines") == [*BROKERS, "HOST:PORT", "embedded", "postgresql://…"]


def test_the_pages_name_the_kafka_that_is_pinned() -> None:
    page = (DOCS / "how-to" / "run-on-apache-kafka.md").read_text(encoding="utf-8")

    assert f"Apache Kafka {VERSION} ({len(pinned())} files" in page
    assert f"Apache Kafka {VERSION} on a Java" in COMMANDS.read_text(encoding="utf-8")
