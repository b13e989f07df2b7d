"""`migrate`: upgrades the databases and topics of the running system."""

import subprocess
import sys

from onboarding_devstack.cli.exits import CommandError, Exit, ours
from onboarding_devstack.cli.options import Data


def migrate(*, data: Data = None) -> Exit:
    """Run every service's migrations against the running system. Safe to repeat; `up` does it too."""
    from onboarding_devstack.cli.located import must_run
    from onboarding_devstack.cli.screen import err
    from onboarding_devstack.system import SERVICES, environments, inherited, service_command

    place = must_run(data).place
    extra = environments(place)
    running = {
        name: subprocess.Popen(
            service_command(name, "migrate"), env=inherited() | extra[name], stdout=sys.stderr, stdin=subprocess.DEVNULL
        )
        for name in SERVICES
    }
    failed = [name for name, process in running.items() if process.wait() != 0]
    if failed:
        raise CommandError(Exit.FAILED, f"migrations failed: {', '.join(failed)}", ours("doctor"))
    err().print(f"migrated {', '.join(SERVICES)}")
    return Exit.OK
