"""``python -m onboarding_devstack.container_access FOLDER``: logins and rights on the Kafka of docker-compose.yml.

Runs in the network of the broker's container, where alone the broker listens without logins. FOLDER has a file
``NAME.password`` for each principal. Safe to repeat: afterwards passwords and rights are those of files and table.
"""

import argparse
from pathlib import Path

from onboarding_devstack.engines.kafka_access import KAFKA_UI, PRINCIPALS, grants, grants_of_kafka_ui
from onboarding_devstack.engines.kafka_rights import administrator, set_passwords, set_rights

ADDRESS = "localhost:9094"


def main() -> None:
    """Set logins and rights."""
    parser = argparse.ArgumentParser(prog="python -m onboarding_devstack.container_access")
    parser.add_argument("folder", type=Path)
    folder: Path = parser.parse_args().folder
    passwords = {name: _password(folder, name) for name in (*PRINCIPALS, KAFKA_UI)}
    client = administrator({"bootstrap.servers": ADDRESS})
    set_passwords(client, passwords)
    set_rights(client, (*grants(), *grants_of_kafka_ui()))


def _password(folder: Path, name: str) -> str:
    return (folder / f"{name}.password").read_text(encoding="utf-8").strip()


if __name__ == "__main__":
    main()
