"""The topics that session-api consumes."""

from collections.abc import Mapping

from onboarding_shared.contracts.topics import OPERATION_RUNS, TASK_TYPES, Topic
from onboarding_shared.messaging.inbox import Apply
from session_api.use_cases.catalogue import Catalogue
from session_api.use_cases.projection import Projection

GROUP = "onboarding.session-api"
TOPICS = (OPERATION_RUNS, TASK_TYPES)


def applies(projection: Projection, catalogue: Catalogue) -> Mapping[Topic, Apply]:
    """Return the use case of each topic."""
    return {OPERATION_RUNS: projection.apply, TASK_TYPES: catalogue.apply}
