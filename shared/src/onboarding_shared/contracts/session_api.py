"""Messages of session-api: commands to the task runner, and events of the onboarding session."""

from typing import Any, ClassVar

from msgspec import Struct

from onboarding_shared.contracts.message import Message
from onboarding_shared.contracts.topics import SESSIONS, TASK_COMMANDS, Topic
from onboarding_shared.contracts.types import (
    ConsentClaim,
    Count,
    Id,
    LongText,
    Moment,
    ShortText,
    StepNumber,
    TaskTypeName,
)


class TaskConnection(Struct, frozen=True, kw_only=True):
    """The provider connection of a run. It references a credential and never contains one."""

    id: Id
    provider: ShortText
    external_tenant_id: ShortText
    client_id: ShortText
    credential_ref: ShortText
    cloud: ShortText


class RunCommand(Message, frozen=True, kw_only=True):
    """A command about a run."""

    topic: ClassVar[Topic] = TASK_COMMANDS

    run_id: Id

    @property
    def subject(self) -> str:
        return f"runs/{self.run_id}"


class StartTask(RunCommand, frozen=True, kw_only=True):
    """Run this task. Repeated if the runner does not respond; the response to a repetition is the state of the run.

    ``previously_ok``: the latest result that was not ``unknown``, of this task on this connection, was ``ok`` or
    ``warn``. ``inputs`` fit the ``inputs_schema`` of the task type, at most 16 KiB. A ``dry_run`` changes nothing at
    the provider. ``run_key`` is the key of the MAC of every message about the run.
    """

    task_type: TaskTypeName
    session_id: Id | None = None
    connection: TaskConnection | None = None
    requested_by: Id
    requested_at: Moment
    repeat: Count = 0
    previously_ok: bool = False
    inputs: dict[str, Any] | None = None
    dry_run: bool = False
    run_key: ShortText | None = None


class CancelTask(RunCommand, frozen=True, kw_only=True):
    """Cancel this run. For a run that has ended, the runner publishes its result again."""

    requested_by: Id
    requested_at: Moment


class ResumeTask(RunCommand, frozen=True, kw_only=True):
    """Run a waiting run again now. For a run that has ended, the runner publishes its result again."""

    requested_by: Id
    requested_at: Moment


class SessionMessage(Message, frozen=True, kw_only=True):
    """An event of an onboarding session, caused by ``by_user_id``."""

    topic: ClassVar[Topic] = SESSIONS

    session_id: Id
    by_user_id: Id

    @property
    def subject(self) -> str:
        return f"sessions/{self.session_id}"


class SessionStarted(SessionMessage, frozen=True, kw_only=True):
    """A session was opened for the tenant."""


class SessionStepChanged(SessionMessage, frozen=True, kw_only=True):
    """The wizard moved to another step."""

    from_step: StepNumber
    to_step: StepNumber


class SessionAssigned(SessionMessage, frozen=True, kw_only=True):
    """The session was assigned to another user, or to none."""

    from_user_id: Id | None = None
    to_user_id: Id | None = None


class SessionConnectionChosen(SessionMessage, frozen=True, kw_only=True):
    """Another provider connection, or none, was chosen for the session."""

    from_connection_id: Id | None = None
    to_connection_id: Id | None = None


class SessionTakenOver(SessionMessage, frozen=True, kw_only=True):
    """``by_user_id`` took the edit lock from ``from_user_id``."""

    from_user_id: Id


class SessionLockChanged(SessionMessage, frozen=True, kw_only=True):
    """The edit lock has another holder or another end; both are None after it was given back or the session ended.

    A renewal is told only when the end passes into another period of ten seconds. A lock that expires is not told:
    ``locked_until`` says when it will.
    """

    locked_by_user_id: Id | None = None
    locked_until: Moment | None = None


class SessionCompleted(SessionMessage, frozen=True, kw_only=True):
    """The onboarding was completed."""


class SessionAbandoned(SessionMessage, frozen=True, kw_only=True):
    """The onboarding was abandoned."""

    reason: LongText | None = None


class ConsentRequested(SessionMessage, frozen=True, kw_only=True):
    """A consent link for a provider connection was made; it can be answered until ``expires_at``."""

    consent_request_id: Id
    provider_connection_id: Id
    expires_at: Moment


class ConsentAnswered(SessionMessage, frozen=True, kw_only=True):
    """A browser came back from a consent link. ``reported`` proves nothing; ``by_user_id`` made the link."""

    consent_request_id: Id
    provider_connection_id: Id
    state: ConsentClaim


TaskCommand = StartTask | CancelTask | ResumeTask
SessionEvent = (
    SessionStarted
    | SessionStepChanged
    | SessionAssigned
    | SessionConnectionChosen
    | SessionTakenOver
    | SessionLockChanged
    | SessionCompleted
    | SessionAbandoned
    | ConsentRequested
    | ConsentAnswered
)
