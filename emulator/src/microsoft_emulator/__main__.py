"""``python -m microsoft_emulator --port N [--host H]``: serve until a signal stops it."""

import argparse

import uvicorn

from microsoft_emulator.app import build


def main() -> None:
    """Run the server on the given address."""
    parser = argparse.ArgumentParser(prog="python -m microsoft_emulator", description=__doc__)
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, required=True)
    arguments = parser.parse_args()
    uvicorn.run(build(), host=arguments.host, port=arguments.port, log_level="warning", timeout_graceful_shutdown=5)


if __name__ == "__main__":
    main()
