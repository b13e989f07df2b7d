"""The topics: who speaks on each, and where what cannot be read from it goes."""

from msgspec import Struct


class Topic(Struct, frozen=True):
    """A Kafka topic. Its key is the tenant id, so one tenant's messages stay in order."""

    name: str
    speaker: str

    @property
    def dead_letters(self) -> str:
        """The topic that takes the records of this one which nobody could read."""
        return f"{self.name}.dlq"


TASK_COMMANDS = Topic("onboarding.task-commands.v1", "session-api")
SESSIONS = Topic("onboarding.sessions.v1", "session-api")
OPERATION_RUNS = Topic("onboarding.operation-runs.v1", "task-runner")
TASK_TYPES = Topic("onboarding.task-types.v1", "task-runner")
EVIDENCE = Topic("onboarding.evidence.v1", "evidence-store")

ALL_TOPICS = (TASK_COMMANDS, SESSIONS, OPERATION_RUNS, TASK_TYPES, EVIDENCE)


def spoken_by(service: str) -> tuple[Topic, ...]:
    """The topics of one speaker. Only the speaker creates a topic, so no two processes race to do it."""
    return tuple(topic for topic in ALL_TOPICS if topic.speaker == service)
