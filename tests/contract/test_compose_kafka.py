"""Kafka in docker-compose.yml: who must sign in, and which container has which password."""

import json
from pathlib import Path
from typing import Any

import pytest

from onboarding_devstack.container_setup import set_up
from onboarding_devstack.engines.kafka_access import KAFKA_UI, PRINCIPALS
from tests.support.compose_file import compose, environment

SERVICES: dict[str, dict[str, Any]] = compose()["services"]
CLIENTS = ("session-api", "task-runner", "evidence-store")


def properties() -> dict[str, str]:
    return dict(SERVICES["kafka"]["environment"])


def mounts(volume: str) -> dict[str, str]:
    """Service → the folder at which it sees a volume."""
    return {
        name: mount.split(":", 1)[1]
        for name, service in SERVICES.items()
        for mount in service.get("volumes", [])
        if mount.split(":")[0] == volume
    }


def test_only_the_listener_with_logins_is_reachable_by_others() -> None:
    listeners = dict(listener.split("://") for listener in properties()["KAFKA_LISTENERS"].split(","))
    protocols = dict(entry.split(":") for entry in properties()["KAFKA_LISTENER_SECURITY_PROTOCOL_MAP"].split(","))
    reachable = {name for name, address in listeners.items() if not address.startswith("localhost:")}
    assert {name: protocols[name] for name in reachable} == {"CLIENTS": "SASL_PLAINTEXT"}


def test_what_nobody_granted_is_refused() -> None:
    authorizer = properties()["KAFKA_AUTHORIZER_CLASS_NAME"]
    assert authorizer == "org.apache.kafka.metadata.authorizer.StandardAuthorizer"
    assert properties()["KAFKA_ALLOW_EVERYONE_IF_NO_ACL_FOUND"] == "false"


@pytest.mark.parametrize("name", CLIENTS)
def test_a_service_and_its_migration_sign_in_as_themselves(name: str, tmp_path: Path) -> None:
    set_up(tmp_path)
    for container in (name, f"{name}-migrate"):
        given = environment(SERVICES[container])
        assert given["KAFKA_SASL_USERNAME"] == name
        assert given["KAFKA_SASL_PASSWORD"] == "/run/onboarding/kafka-password"
    password = (tmp_path / name / "kafka-password").read_text()
    assert password == (tmp_path / "kafka" / f"{name}.password").read_text()


def test_each_principal_has_a_password_of_its_own(tmp_path: Path) -> None:
    set_up(tmp_path)
    passwords = {file.stem: file.read_text().strip() for file in (tmp_path / "kafka").iterdir()}
    assert passwords.keys() == {*PRINCIPALS, KAFKA_UI}
    assert len(set(passwords.values())) == len(passwords)
    assert min(len(password) for password in passwords.values()) >= 32


def test_kafka_ui_signs_in_as_its_own_principal(tmp_path: Path) -> None:
    set_up(tmp_path)
    file = tmp_path / "kafka-ui" / "kafka-ui.yml"
    (cluster,) = json.loads(file.read_text())["kafka"]["clusters"]
    password = (tmp_path / "kafka" / "kafka-ui.password").read_text().strip()
    assert f'username="kafka-ui" password="{password}";' in cluster["properties"]["sasl.jaas.config"]
    assert cluster["readOnly"] is True
    assert file.stat().st_mode & 0o777 == 0o444


def test_all_passwords_on_kafka_are_where_logins_are_set_only() -> None:
    assert mounts("kafka-access") == {"setup": "/setup/kafka", "kafka-access": "/run/onboarding:ro"}
    assert mounts("kafka-ui-access") == {"setup": "/setup/kafka-ui", "kafka-ui": "/run/onboarding:ro"}
