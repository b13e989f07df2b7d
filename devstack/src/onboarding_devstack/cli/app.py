"""The commands of `onboarding` and their exit codes."""

import os
import sys
from collections.abc import Sequence
from importlib.metadata import version as installed_version

from cyclopts import App, CycloptsError

from onboarding_devstack.cli import screen
from onboarding_devstack.cli.bind import bind
from onboarding_devstack.cli.completion import add_completion
from onboarding_devstack.cli.demo import demo
from onboarding_devstack.cli.doctor import doctor
from onboarding_devstack.cli.events import tail
from onboarding_devstack.cli.exits import CommandError, Exit
from onboarding_devstack.cli.log_command import logs
from onboarding_devstack.cli.look import env, status
from onboarding_devstack.cli.migrate import migrate
from onboarding_devstack.cli.operate.dlq import dlq
from onboarding_devstack.cli.operate.evidence import evidence
from onboarding_devstack.cli.operate.locks import locks
from onboarding_devstack.cli.operate.runs import runs
from onboarding_devstack.cli.operate.sessions import sessions
from onboarding_devstack.cli.operate.tenants import tenants
from onboarding_devstack.cli.task.check import check
from onboarding_devstack.cli.task.new import new
from onboarding_devstack.cli.task.run import run as run_task
from onboarding_devstack.cli.token import token
from onboarding_devstack.cli.up import down, restart, up

DISTRIBUTION = "onboarding-devstack"


def build() -> App:
    """Create the command line application."""
    codes = ", ".join(f"{code.value} {code.meaning}" for code in Exit)
    app = App(
        name="onboarding",
        help="Managed tenant onboarding on this machine: run it, inspect it, demonstrate a whole onboarding. Runs, "
        "sessions, tenants, evidence, locks and dead letters also of any other deployment, by --address and --token.",
        help_epilogue=f"Exit codes: {codes}.",
        version=lambda: installed_version(DISTRIBUTION),
        console=screen.out(),
        error_console=screen.err(),
        suppress_keyboard_interrupt=False,
    )
    for position, command in enumerate((demo, up, down, status, restart, logs, env, doctor, migrate, token, bind)):
        app.command(command, sort_key=position)
    events = App(name="events", help="Show the events on Kafka.", sort_key=99)
    events.command(tail)
    app.command(events)
    for group in (runs, sessions, tenants, evidence, locks, dlq):
        app.command(group)
    task = App(name="task", help="Write, check and run tasks.", sort_key=98)
    for position, command in enumerate((new, check, run_task)):
        task.command(command, sort_key=position)
    app.command(task)
    add_completion(app)

    @app.command(sort_key=101)
    def version() -> Exit:
        """Print the version."""
        print(installed_version(DISTRIBUTION))
        return Exit.OK

    return app


def run(arguments: Sequence[str]) -> int:
    """Run one command; returns its exit code (see `Exit`)."""
    try:
        result = build()(list(arguments), exit_on_error=False, print_error=True, result_action="return_value")
        sys.stdout.flush()
        return int(result) if isinstance(result, int) else Exit.OK
    except CycloptsError:
        return Exit.USAGE
    except CommandError as failure:
        screen.show_failure(failure)
        return failure.exit_code
    except KeyboardInterrupt:
        return Exit.INTERRUPTED
    except BrokenPipeError:
        # The reader closed the pipe; the interpreter must not flush the output again at exit.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return Exit.OK
