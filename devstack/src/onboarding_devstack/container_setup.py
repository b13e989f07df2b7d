"""``python -m onboarding_devstack.container_setup FOLDER``: the secrets of the containers of docker-compose.yml.

Creates missing passwords and the development key pair. Each folder below FOLDER is a volume mounted only by the
containers in the table, so that no service can read the password of another one, or the key that signs tokens:

====================  =====================================================
``identity/``         the key pair, for issuing development tokens
``postgres/``         ``NAME.password`` of the superuser and of each role
``SERVICE/``          ``database-url``; ``jwks.json`` and ``run-secrets`` if it
                      verifies tokens and results
====================  =====================================================
"""

import argparse
import secrets
from pathlib import Path

from onboarding_devstack.files import write_private
from onboarding_devstack.identity import Identity

SUPERUSER = "postgres"
SERVICES = ("session-api", "task-runner", "evidence-store")
CHECKING = ("session-api", "evidence-store")
"""The services that verify tokens, and the authors of results."""
RUN_SECRETS = "run-secrets"


def set_up(folder: Path) -> None:
    """Create missing files. Safe to repeat: existing passwords and keys are kept."""
    identity = Identity(folder / "identity")
    identity.ensure()
    _password(folder, SUPERUSER)
    for service in SERVICES:
        role = service.replace("-", "_")
        address = f"postgresql://{role}:{_password(folder, role)}@postgres:5432/{role}"
        write_private(folder / service / "database-url", address + "\n")
    run_secret = _run_secret(folder)
    for service in CHECKING:
        write_private(folder / service / "jwks.json", identity.jwks.read_text(encoding="utf-8"))
        write_private(folder / service / RUN_SECRETS, run_secret + "\n")


def _run_secret(folder: Path) -> str:
    """The secret from which the keys of runs are derived, the same for both services."""
    files = [folder / service / RUN_SECRETS for service in CHECKING]
    known = next((file.read_text(encoding="utf-8").strip() for file in files if file.exists()), None)
    return known or secrets.token_urlsafe(32)


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
