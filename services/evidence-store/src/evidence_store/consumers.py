"""The topics that evidence-store consumes."""

from collections.abc import Mapping

from evidence_store.use_cases.recording import Recording
from onboarding_shared.contracts.topics import OPERATION_RUNS, Topic
from onboarding_shared.messaging.inbox import Apply

GROUP = "evidence-store"
TOPICS = (OPERATION_RUNS,)


def applies(recording: Recording) -> Mapping[Topic, Apply]:
    """Return the use case of each topic."""
    return {OPERATION_RUNS: recording.apply}
