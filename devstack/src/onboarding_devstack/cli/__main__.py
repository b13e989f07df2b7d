"""`onboarding`, and `python -m onboarding_devstack.cli`."""

import sys


def main() -> None:
    """Run the command line and exit with its code."""
    from onboarding_devstack.cli.app import run

    sys.exit(run(sys.argv[1:]))


if __name__ == "__main__":
    main()
