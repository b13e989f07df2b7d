"""The pages have every state and status, an example for each word, and every command and behaviour."""

from cyclopts import App

from microsoft_emulator.behaviour import Behaviour
from onboarding_devstack.cli.app import build
from onboarding_devstack.engines.chosen import BROKERS
from onboarding_devstack.engines.kafka_jars import VERSION, pinned
from onboarding_shared.contracts.run_states import TERMINAL
from onboarding_shared.contracts.types import CheckStatus, RunState, SessionStatus
from tests.docs.tables import DOCS, first_words, rows, words

GLOSSARY = DOCS / "glossary.md"
RUNS = DOCS / "concepts" / "runs.md"
SESSIONS = DOCS / "concepts" / "sessions.md"
COMMANDS = DOCS / "command-line.md"


def test_the_runs_page_has_every_state_and_its_end() -> None:
    documented = {words(row[0])[0]: row[2] for row in rows(RUNS, "Run state")}

    assert documented == {state.value: "yes" if state in TERMINAL else "no" for state in RunState}


def test_the_sessions_page_has_every_status() -> None:
    documented = [words(row[0])[0] for row in rows(SESSIONS, "Session status")]

    assert documented == [status.value for status in SessionStatus]


def test_the_glossary_has_every_check_status() -> None:
    (row,) = [row for row in rows(GLOSSARY) if row[0] == "**Check status**"]

    assert words(row[1]) == [status.value for status in CheckStatus]


def test_every_word_has_a_meaning_and_an_example() -> None:
    entries = rows(GLOSSARY)

    assert entries
    assert not [row for row in entries if len(row) != 3 or not all(row)]


def test_the_words_are_in_alphabetical_order() -> None:
    entries = [row[0].strip("*").lower() for row in rows(GLOSSARY)]

    assert entries == sorted(entries)


def test_the_command_line_page_has_every_command() -> None:
    app: App = build()
    commands = {name for name in app if not name.startswith("-")}

    documented = {word for row in rows(COMMANDS, "The command line") for word in words(row[0])}
    assert documented == commands


def test_the_command_line_page_has_every_behaviour() -> None:
    assert first_words(COMMANDS, "The Graph-shaped server") == [behaviour.value for behaviour in Behaviour]


def test_the_command_line_page_has_every_engine() -> None:
    assert first_words(COMMANDS, "The engines") == [*BROKERS, "HOST:PORT", "embedded", "postgresql://…"]


def test_the_pages_name_the_kafka_that_is_pinned() -> None:
    page = (DOCS / "how-to" / "run-on-apache-kafka.md").read_text(encoding="utf-8")

    assert f"Apache Kafka {VERSION} ({len(pinned())} files" in page
    assert f"Apache Kafka {VERSION} on a Java" in COMMANDS.read_text(encoding="utf-8")
