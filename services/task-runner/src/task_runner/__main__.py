"""The command line of task-runner."""

from typing import TYPE_CHECKING

from onboarding_shared.commands.dead_letters import dead_letter_command
from onboarding_shared.service import CannotStart, run_service
from task_runner.settings import TaskRunnerSettings

if TYPE_CHECKING:
    from onboarding_shared.messaging.dead_letter_actions import DeadLetterActions
    from onboarding_shared.postgres.database import Database
    from onboarding_shared.web.app import HttpApplication

SUMMARY = "Consumes task commands, runs onboarding tasks under leases, and publishes their results."


def wire(settings: TaskRunnerSettings) -> "HttpApplication":
    """Return the application to serve. The import is local because ``migrate`` does not need the application."""
    from task_runner.app import build
    from task_runner.tasks import DeclarationError

    try:
        return build(settings).http
    except DeclarationError as error:
        raise CannotStart(str(error)) from error


def open_dead_letters(settings: TaskRunnerSettings, database: "Database") -> "DeadLetterActions":
    """Return what operators do with dead letters. The import is local for the same reason."""
    from task_runner.app import dead_letters
    from task_runner.tasks import DeclarationError

    try:
        return dead_letters(settings, database)
    except DeclarationError as error:
        raise CannotStart(str(error)) from error


def main() -> None:
    """Run the command line; ``run_service`` documents commands and exit codes."""
    more = [dead_letter_command("task-runner", TaskRunnerSettings, open_dead_letters)]
    run_service("task-runner", SUMMARY, TaskRunnerSettings, wire, more)


if __name__ == "__main__":
    main()
