"""``python -m onboarding_devstack.provider --port N --keys DIR --redirect URI …``: serve until a signal stops it."""

import argparse
import signal
import threading
from pathlib import Path

from onboarding_devstack.identity import Identity
from onboarding_devstack.provider.server import Provider


def main() -> None:
    """Run the provider on the loopback address."""
    parser = argparse.ArgumentParser(prog="python -m onboarding_devstack.provider", description=__doc__)
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--keys", type=Path, required=True, help="folder of the key pair")
    parser.add_argument("--redirect", action="append", required=True, help="address of the web application")
    arguments = parser.parse_args()
    identity = Identity(arguments.keys)
    identity.ensure()
    provider = Provider((arguments.host, arguments.port), identity, frozenset(arguments.redirect))
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: threading.Thread(target=provider.shutdown).start())
    with provider:
        provider.serve_forever()


if __name__ == "__main__":
    main()
