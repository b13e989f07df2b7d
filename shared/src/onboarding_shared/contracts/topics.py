"""The topics, their publishers and their dead-letter topics."""

from msgspec import Struct


class Topic(Struct, frozen=True):
    """A Kafka topic. Its key is the tenant id, so one tenant's messages stay in order."""

    name: str
    publisher: str

    @property
    def source(self) -> str:
        """The CloudEvents attribute ``source`` of all its messages."""
        return source_of(self.publisher)

    @property
    def dead_letters(self) -> str:
        """The dead-letter topic."""
        return f"{self.name}.dlq"


def source_of(service: str) -> str:
    """The CloudEvents attribute ``source`` of a service."""
    return f"/onboarding/{service}"


TASK_COMMANDS = Topic("onboarding.task-commands.v1", "session-api")
SESSIONS = Topic("onboarding.sessions.v1", "session-api")
OPERATION_RUNS = Topic("onboarding.operation-runs.v1", "task-runner")
TASK_TYPES = Topic("onboarding.task-types.v1", "task-runner")
EVIDENCE = Topic("onboarding.evidence.v1", "evidence-store")
SESSION_API_AUDIT = Topic("onboarding.audit.session-api.v1", "session-api")
TASK_RUNNER_AUDIT = Topic("onboarding.audit.task-runner.v1", "task-runner")
EVIDENCE_STORE_AUDIT = Topic("onboarding.audit.evidence-store.v1", "evidence-store")

ALL_TOPICS = (
    TASK_COMMANDS,
    SESSIONS,
    OPERATION_RUNS,
    TASK_TYPES,
    EVIDENCE,
    SESSION_API_AUDIT,
    TASK_RUNNER_AUDIT,
    EVIDENCE_STORE_AUDIT,
)

SNAPSHOTS = frozenset({TASK_TYPES.name})
"""The names of topics whose messages replace earlier ones, so that a late message must not be applied."""

SOURCES = {topic.name: topic.source for topic in ALL_TOPICS}
"""The only source of each topic, by the topic's name."""


def published_by(service: str) -> tuple[Topic, ...]:
    """The topics of one publisher. Only the publisher creates a topic, so that processes do not race to create it."""
    return tuple(topic for topic in ALL_TOPICS if topic.publisher == service)
