"""The one page that describes the embedded system."""

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import pytest

from onboarding_devstack.place import Place, prepare, recall
from onboarding_devstack.supervisor import levels
from onboarding_devstack.system import (
    PROCESSES,
    addresses,
    database_urls,
    environments,
    inherited,
    processes,
)

PORTS = {
    "postgres": 20001,
    "broker": 20002,
    "controller": 20007,
    "graph": 20003,
    "identity": 20008,
    "session-api": 20004,
    "task-runner": 20005,
    "evidence-store": 20006,
}
SECRETS = {
    "session_api": "s",
    "task_runner": "t",
    "evidence_store": "e",
    "client_secret": "demo-credential",
    "run_secret": "r" * 32,
    "command_secret": "c" * 32,
}


@pytest.fixture
def place(tmp_path: Path) -> Place:
    return Place(tmp_path, PORTS, SECRETS)


def test_every_service_has_its_own_database_and_role(place: Place) -> None:
    assert database_urls(place) == {
        "session_api": "postgresql://session_api:s@127.0.0.1:20001/session_api",
        "task_runner": "postgresql://task_runner:t@127.0.0.1:20001/task_runner",
        "evidence_store": "postgresql://evidence_store:e@127.0.0.1:20001/evidence_store",
    }


def test_every_process_has_an_address(place: Place) -> None:
    assert addresses(place) == {
        "postgres": "postgresql://127.0.0.1:20001",
        "broker": "127.0.0.1:20002",
        "graph": "http://127.0.0.1:20003",
        "identity": "http://127.0.0.1:20008",
        "session-api": "http://127.0.0.1:20004",
        "task-runner": "http://127.0.0.1:20005",
        "evidence-store": "http://127.0.0.1:20006",
    }


@pytest.mark.parametrize(
    ("secret", "services"),
    [("run_secret", ["evidence-store", "session-api"]), ("command_secret", ["session-api", "task-runner"])],
)
def test_each_secret_is_known_to_two_services(place: Place, secret: str, services: list[str]) -> None:
    knowing = [name for name, variables in environments(place).items() if SECRETS[secret] in variables.values()]
    assert sorted(knowing) == services


def test_only_task_runner_and_emulator_know_the_demo_credential(place: Place) -> None:
    holders = {process.name for process in processes(place) if "demo-credential" in str(dict(process.environment))}
    assert holders == {"task-runner", "graph"}


def test_the_task_runner_uses_the_graph_shaped_server(place: Place) -> None:
    runner = environments(place)["task-runner"]
    assert runner["ONBOARDING_GRAPH_URL"] == runner["ONBOARDING_LOGIN_URL"] == "http://127.0.0.1:20003"


def test_consent_links_lead_to_the_graph_shaped_server_and_back(place: Place) -> None:
    api = environments(place)["session-api"]
    assert api["ONBOARDING_GRAPH_URL"] == api["ONBOARDING_LOGIN_URL"] == "http://127.0.0.1:20003"
    assert api["ONBOARDING_CONSENT_REDIRECT_URL"] == "http://127.0.0.1:20004/onboarding/consent/callback"


def test_people_sign_in_at_the_provider_and_come_back(place: Place) -> None:
    api = environments(place)["session-api"]
    (provider,) = [process for process in processes(place) if process.name == "identity"]

    assert api["ONBOARDING_OIDC_AUTHORITY"] == "http://127.0.0.1:20008"
    assert api["ONBOARDING_OIDC_CLIENT_ID"] == "onboarding-web-application"
    assert provider.command[-4:] == (
        "--redirect",
        "http://127.0.0.1:20004/app/",
        "--redirect",
        "http://localhost:20004/app/",
    )


def test_no_service_gets_the_database_of_another(place: Place) -> None:
    urls = {name: environment["DATABASE_URL"] for name, environment in environments(place).items()}
    assert urls == {name: database_urls(place)[name.replace("-", "_")] for name in urls}


def test_services_begin_after_the_engines_and_end_before_them(place: Place) -> None:
    names = [{process.name for process in level} for level in levels(processes(place))]
    assert names == [{"postgres", "broker", "graph", "identity"}, {"session-api", "task-runner", "evidence-store"}]


def test_processes_that_need_each_other_are_refused(place: Place) -> None:
    first, second, *_ = processes(place)
    with pytest.raises(ValueError, match="circular or missing dependencies"):
        levels([replace(first, needs=(second.name,)), replace(second, needs=(first.name,))])


def test_the_processes_are_those_that_status_and_restart_know(place: Place) -> None:
    assert tuple(process.name for process in processes(place)) == PROCESSES


@pytest.fixture
def shell(monkeypatch: pytest.MonkeyPatch) -> Mapping[str, str]:
    given = {
        "DATABASE_URL": "postgresql://production",
        "KAFKA_SASL_PASSWORD": "production",
        "ONBOARDING_JWKS": "https://production",
        "ONBOARDING_LOG_LEVEL": "DEBUG",
        "ONBOARDING_LEASE_SECONDS": "2",
        "NO_PROXY": "example.org",
        "LANG": "C.UTF-8",
    }
    for name, value in given.items():
        monkeypatch.setenv(name, value)
    return given


def test_addresses_and_credentials_of_another_system_are_not_inherited(shell: Mapping[str, str]) -> None:
    assert not {"DATABASE_URL", "KAFKA_SASL_PASSWORD", "ONBOARDING_JWKS"} & inherited().keys()


def test_log_and_tuning_settings_of_the_shell_are_inherited(shell: Mapping[str, str], place: Place) -> None:
    assert inherited()["ONBOARDING_LOG_LEVEL"] == "DEBUG"
    assert inherited()["LANG"] == "C.UTF-8"
    assert environments(place)["task-runner"]["ONBOARDING_LEASE_SECONDS"] == "2"


def test_children_reach_each_other_past_a_proxy(shell: Mapping[str, str]) -> None:
    assert inherited()["NO_PROXY"] == "example.org,127.0.0.1"


def test_byte_code_of_read_only_sources_goes_to_a_cache(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("PYTHONDONTWRITEBYTECODE", "1")
    monkeypatch.delenv("PYTHONPYCACHEPREFIX", raising=False)
    assert inherited()["PYTHONDONTWRITEBYTECODE"] == ""
    assert inherited()["PYTHONPYCACHEPREFIX"].endswith("bytecode")


def test_a_place_keeps_its_ports_passwords_and_keys(tmp_path: Path) -> None:
    first = prepare(tmp_path)
    key = first.identity.private_key.read_text()
    second = prepare(tmp_path)
    assert (first.ports, first.secrets) == (second.ports, second.secrets)
    assert second.identity.private_key.read_text() == key
    assert recall(tmp_path) == second


def test_secrets_of_a_place_are_readable_by_its_owner_only(tmp_path: Path) -> None:
    place = prepare(tmp_path)
    for path in (tmp_path / "secrets.json", place.identity.private_key):
        assert path.stat().st_mode & 0o777 == 0o600


def test_a_folder_that_was_never_prepared_is_no_place(tmp_path: Path) -> None:
    assert recall(tmp_path) is None
