"""``python -m microsoft_emulator --port N [--host H]``: serve until a signal stops it.

The variable MICROSOFT_EMULATOR_START holds the first state as JSON: registered applications and tenants.
"""

import argparse
import os

import msgspec
import uvicorn

from microsoft_emulator.app import build
from microsoft_emulator.tenants import FirstState

START_VARIABLE = "MICROSOFT_EMULATOR_START"


def main() -> None:
    """Run the server on the given address."""
    parser = argparse.ArgumentParser(prog="python -m microsoft_emulator", description=__doc__)
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, required=True)
    arguments = parser.parse_args()
    start = msgspec.json.decode(os.environ.get(START_VARIABLE) or "{}", type=FirstState)
    uvicorn.run(
        build(start), host=arguments.host, port=arguments.port, log_level="warning", timeout_graceful_shutdown=5
    )


if __name__ == "__main__":
    main()
