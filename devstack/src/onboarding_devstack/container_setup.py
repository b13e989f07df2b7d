"""``python -m onboarding_devstack.container_setup FOLDER``: the secrets of the containers of docker-compose.yml.

Creates missing passwords and the development key pair. Each folder below FOLDER is a volume mounted only by the
containers in the table, so that no service can read the password of another one, or the key that signs tokens:

====================  =====================================================
``identity/``         the key pair, for issuing development tokens
``postgres/``         ``NAME.password`` of the superuser and of each role
``SERVICE/``          ``database-url``; ``jwks.json`` and ``run-secrets`` if it
                      verifies tokens and results; ``command-secrets`` if it
                      sends or carries out commands
====================  =====================================================
"""

import argparse
import secrets
from collections.abc import Sequence
from pathlib import Path

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


def set_up(folder: Path) -> None:
    """Create missing files. Safe to repeat: existing passwords and keys are kept."""
    identity = Identity(folder / "identity")
    identity.ensure()
    _password(folder, SUPERUSER)
    for service in SERVICES:
        role = service.replace("-", "_")
        address = f"postgresql://{role}:{_password(folder, role)}@postgres:5432/{role}"
        write_private(folder / service / "database-url", address + "\n")
    for service in CHECKING:
        write_private(folder / service / "jwks.json", identity.jwks.read_text(encoding="utf-8"))
    for services, name in ((CHECKING, RUN_SECRETS), (COMMANDING, COMMAND_SECRETS)):
        _share([folder / service / name for service in services])


def _share(files: Sequence[Path]) -> None:
    """Write the secret from which keys are derived, the same for both services."""
    known = next((file.read_text(encoding="utf-8").strip() for file in files if file.exists()), None)
    secret = known or secrets.token_urlsafe(32)
    for file in files:
        write_private(file, secret + "\n")


def _password(folder: Path, role: str) -> str:
    """The password of a role, in characters that need no quoting, readable by the user of PostgreSQL."""
    file = folder / "postgres" / f"{role}.password"
    if not file.exists():
        write_private(file, secrets.token_urlsafe(24) + "\n")
        file.chmod(0o444)
    return file.read_text(encoding="utf-8").strip()


def main() -> None:
    """Set up the folder given on the command line."""
    parser = argparse.ArgumentParser(prog="python -m onboarding_devstack.container_setup")
    parser.add_argument("folder", type=Path)
    set_up(parser.parse_args().folder)


if __name__ == "__main__":
    main()
