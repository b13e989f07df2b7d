"""The choice of the engines of a system."""

from dataclasses import replace
from pathlib import Path

import pytest

from onboarding_devstack.engines import postgres
from onboarding_devstack.engines.chosen import Engines, choose, recall_engines
from onboarding_devstack.engines.embedded_broker import EmbeddedBroker
from onboarding_devstack.engines.kafka_jvm import ApacheKafka
from onboarding_devstack.place import Place, prepare, recall
from onboarding_devstack.supervisor import levels
from onboarding_devstack.system import addresses, database_urls, environments, processes

OUTSIDE = Engines("kafka-1:9092,kafka-2:9092", "postgresql://boss:secret@db.example:6432/postgres?sslmode=require")


@pytest.fixture
def place(tmp_path: Path) -> Place:
    return prepare(tmp_path, OUTSIDE)


def test_a_folder_that_was_never_started_gets_the_embedded_engines(tmp_path: Path) -> None:
    assert choose(tmp_path) == Engines("embedded", "embedded")


def test_the_choice_stays_with_the_folder_until_another_is_made(tmp_path: Path) -> None:
    prepare(tmp_path, choose(tmp_path, broker="kafka"))
    assert recall_engines(tmp_path) == Engines("kafka", "embedded")
    assert choose(tmp_path) == Engines("kafka", "embedded")
    assert choose(tmp_path, broker="embedded") == Engines("embedded", "embedded")
    place = recall(tmp_path)
    assert place is not None
    assert place.engines == Engines("kafka", "embedded")


def test_idempotent_producers_are_off_for_the_embedded_broker_alone() -> None:
    settings = {name: Engines(name).client_settings() for name in ("embedded", "kafka", "localhost:9092")}
    assert {
        name: settings_of_engines["KAFKA_ENABLE_IDEMPOTENCE"] for name, settings_of_engines in settings.items()
    } == {
        "embedded": "false",
        "kafka": "true",
        "localhost:9092": "true",
    }


def test_a_broker_of_somebody_elses_decides_about_replicas() -> None:
    assert Engines("localhost:9092").client_settings()["ONBOARDING_TOPIC_REPLICATION_FACTOR"] == "-1"


def test_each_name_has_its_broker() -> None:
    assert isinstance(Engines("embedded").own_broker, EmbeddedBroker)
    assert isinstance(Engines("kafka").own_broker, ApacheKafka)
    assert Engines("localhost:9092").own_broker is None


def test_external_engines_are_neither_processes_nor_dependencies(place: Place) -> None:
    assert tuple(process.name for process in processes(place)) == (
        "graph",
        "identity",
        "session-api",
        "task-runner",
        "evidence-store",
    )
    assert [len(level) for level in levels(processes(place))] == [5]


def test_a_system_has_a_process_for_each_embedded_engine(place: Place) -> None:
    names = tuple(process.name for process in processes(replace(place, engines=Engines())))
    assert names == ("postgres", "broker", "graph", "identity", "session-api", "task-runner", "evidence-store")


def test_services_are_sent_to_the_engines_of_somebody_elses(place: Place) -> None:
    runner = environments(place)["task-runner"]
    password = place.secrets["task_runner"]
    assert runner["KAFKA_BOOTSTRAP_SERVERS"] == "kafka-1:9092,kafka-2:9092"
    assert runner["DATABASE_URL"] == (
        f"postgresql://task_runner:{password}@db.example:6432/task_runner?sslmode=require"
    )
    assert runner["DATABASE_URL"] == database_urls(place)["task_runner"]


def test_what_is_shown_of_a_server_has_no_password(place: Place) -> None:
    assert addresses(place)["postgres"] == "postgresql://db.example:6432"


def test_the_stored_password_is_readable_by_its_owner_only(place: Place) -> None:
    assert (place.folder / "engines.json").stat().st_mode & 0o777 == 0o600


def test_variables_that_configure_the_embedded_broker_are_not_inherited(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("STORAGE_ENGINE", "s3://elsewhere/")
    monkeypatch.setenv("LANG", "C.UTF-8")
    environment = EmbeddedBroker().environment()
    assert "STORAGE_ENGINE" not in environment
    assert environment["LANG"] == "C.UTF-8"


def test_a_database_url_keeps_external_host_port_and_options() -> None:
    server = "postgresql://boss:very%40secret@db.example:6432/postgres?sslmode=require"
    assert postgres.url_on(server, "orders", "he/r", "p@ss") == (
        "postgresql://he%2Fr:p%40ss@db.example:6432/orders?sslmode=require"
    )
    assert postgres.server_of(server) == "postgresql://db.example:6432"
