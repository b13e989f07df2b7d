"""``python -m onboarding_testing.attached FOLDER PID``: `onboarding up` that ends with the process PID, its parent.

A test run that is killed leaves no system behind where the kernel can tell its children (Linux).
"""

import ctypes
import os
import signal
import sys

from onboarding_devstack.child import PR_SET_PDEATHSIG
from onboarding_devstack.cli.app import run


def main() -> int:
    """Run the system until a signal, or until the parent has ended."""
    folder, parent = sys.argv[1], int(sys.argv[2])
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, int(signal.SIGTERM))
        if os.getppid() != parent:
            return 1
    return run(["up", "--no-logs", "--data", folder])


if __name__ == "__main__":
    sys.exit(main())
