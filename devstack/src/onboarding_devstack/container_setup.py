"""``python -m onboarding_devstack.container_setup FOLDER``: the secrets of the containers of docker-compose.yml.

Creates missing passwords and the development key pair. Each folder below FOLDER is a volume mounted only by the
containers in the table, so that no service can read the password of another one, or the key that signs tokens:

====================  =====================================================
``identity/``         the key pair, for issuing development tokens
``postgres/``         ``NAME.password`` of the superuser and of each role
``kafka/``            ``NAME.password`` of each principal
``kafka-ui/``         ``kafka-ui.yml``, its configuration with its login
``bindings/``         ``bindings.json``, the tenant bindings of task-runner
``SERVICE/``          ``database-url`` and ``kafka-password``; ``jwks.json`` and
                      ``run-secrets`` if it verifies tokens and results;
                      ``command-secrets`` if it sends or carries out commands
====================  =====================================================
"""

import argparse
import json
import secrets
from collections.abc import Sequence
from pathlib import Path

from onboarding_devstack.engines.kafka_access import KAFKA_UI, PRINCIPALS
from onboarding_devstack.files import write_private
from onboarding_devstack.identity import Identity

SUPERUSER = "postgres"
SERVICES = ("session-api", "task-runner", "evidence-store")
CHECKING = ("session-api", "evidence-store")
"""The services that verify tokens, and the authors of results."""
RUN_SECRETS = "run-secrets"
COMMANDING = ("session-api", "task-runner")
"""The services that send commands, and carry them out."""
COMMAND_SECRETS = "command-secrets"
READABLE = 0o444
"""The mode of files for a container with another user, whose volume no other container has."""


def set_up(folder: Path) -> None:
    """Create missing files. Safe to repeat: existing passwords and keys are kept."""
    identity = Identity(folder / "identity")
    identity.ensure()
    _of_postgres(folder, SUPERUSER)
    for service in SERVICES:
        role = service.replace("-", "_")
        address = f"postgresql://{role}:{_of_postgres(folder, role)}@postgres:5432/{role}"
        write_private(folder / service / "database-url", address + "\n")
    _set_up_kafka(folder)
    bindings = folder / "bindings" / "bindings.json"
    if not bindings.exists():
        write_private(bindings, "[]\n")
    for service in CHECKING:
        write_private(folder / service / "jwks.json", identity.jwks.read_text(encoding="utf-8"))
    for services, name in ((CHECKING, RUN_SECRETS), (COMMANDING, COMMAND_SECRETS)):
        _share([folder / service / name for service in services])


def _set_up_kafka(folder: Path) -> None:
    """The passwords of all principals, and for each client its own one."""
    logins = {name: _password(folder / "kafka" / f"{name}.password") for name in (*PRINCIPALS, KAFKA_UI)}
    for service in SERVICES:
        write_private(folder / service / "kafka-password", logins[service] + "\n")
    configuration = folder / "kafka-ui" / "kafka-ui.yml"
    write_private(configuration, _kafka_ui(logins[KAFKA_UI]))
    configuration.chmod(READABLE)


def _share(files: Sequence[Path]) -> None:
    """Write the secret from which keys are derived, the same for both services."""
    known = next((file.read_text(encoding="utf-8").strip() for file in files if file.exists()), None)
    secret = known or secrets.token_urlsafe(32)
    for file in files:
        write_private(file, secret + "\n")


def _of_postgres(folder: Path, role: str) -> str:
    """The password of a role."""
    file = folder / "postgres" / f"{role}.password"
    password = _password(file)
    file.chmod(READABLE)
    return password


def _password(file: Path) -> str:
    """The password in a file, which is made if it is missing, in characters that need no quoting."""
    if not file.exists():
        write_private(file, secrets.token_urlsafe(24) + "\n")
    return file.read_text(encoding="utf-8").strip()


def _kafka_ui(password: str) -> str:
    """The cluster in the configuration of Kafka UI; JSON is YAML."""
    module = "org.apache.kafka.common.security.scram.ScramLoginModule"
    cluster = {
        "name": "onboarding",
        "bootstrapServers": "kafka:9092",
        "readOnly": True,
        "properties": {
            "security.protocol": "SASL_PLAINTEXT",
            "sasl.mechanism": "SCRAM-SHA-512",
            "sasl.jaas.config": f'{module} required username="{KAFKA_UI}" password="{password}";',
        },
    }
    return json.dumps({"kafka": {"clusters": [cluster]}}, indent=2) + "\n"


def main() -> None:
    """Set up the folder given on the command line."""
    parser = argparse.ArgumentParser(prog="python -m onboarding_devstack.container_setup")
    parser.add_argument("folder", type=Path)
    set_up(parser.parse_args().folder)


if __name__ == "__main__":
    main()
