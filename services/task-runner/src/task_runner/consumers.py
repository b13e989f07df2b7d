"""The topics that task-runner consumes."""

from collections.abc import Mapping

from onboarding_shared.contracts.topics import EVIDENCE, TASK_COMMANDS, Topic
from onboarding_shared.messaging.inbox import Apply
from task_runner.use_cases.confirmations import apply_confirmations
from task_runner.use_cases.intake import CommandIntake

GROUP = "task-runner"
TOPICS = (TASK_COMMANDS, EVIDENCE)


def applies(intake: CommandIntake) -> Mapping[Topic, Apply]:
    """Return the use case of each topic."""
    return {TASK_COMMANDS: intake.apply, EVIDENCE: apply_confirmations}
