"""Audit events: who did what to connections, consent links and dead letters, with repairs and broken evidence.

Each service has an audit topic of its own, because a topic has one publisher. No service of ours consumes them.
"""

from typing import Annotated, ClassVar, NamedTuple

from msgspec import Meta

from onboarding_shared.contracts.dead_letters import ReplayOutcome
from onboarding_shared.contracts.message import Message
from onboarding_shared.contracts.topics import (
    EVIDENCE_STORE_AUDIT,
    SESSION_API_AUDIT,
    TASK_RUNNER_AUDIT,
    Topic,
)
from onboarding_shared.contracts.types import Count, Id, Moment, ReasonCode, ShortText

DEAD_LETTERS_AT_ONCE = 200
"""Maximum number of dead letters that one action of an operator replays or discards."""


class ConnectionCreated(Message, frozen=True, kw_only=True):
    """A provider connection was created. ``credential_ref`` names a credential and never contains one."""

    topic: ClassVar[Topic] = SESSION_API_AUDIT

    by_user_id: Id
    occurred_at: Moment
    provider_connection_id: Id
    provider: ShortText
    external_tenant_id: ShortText
    client_id: ShortText
    credential_ref: ShortText
    cloud: ShortText

    @property
    def subject(self) -> str:
        return f"provider-connections/{self.provider_connection_id}"


class ConnectionDisabled(Message, frozen=True, kw_only=True):
    """A provider connection was disabled, and the cancellation of its active runs requested."""

    topic: ClassVar[Topic] = SESSION_API_AUDIT

    by_user_id: Id
    occurred_at: Moment
    provider_connection_id: Id
    cancelled_runs: Count

    @property
    def subject(self) -> str:
        return f"provider-connections/{self.provider_connection_id}"


class ConsentLinkCreated(Message, frozen=True, kw_only=True):
    """A consent link was made, in the open session or without one. It can be answered until ``expires_at``."""

    topic: ClassVar[Topic] = SESSION_API_AUDIT

    by_user_id: Id
    occurred_at: Moment
    consent_request_id: Id
    provider_connection_id: Id
    session_id: Id | None = None
    expires_at: Moment

    @property
    def subject(self) -> str:
        return f"consent-requests/{self.consent_request_id}"


class TenantBindingSet(Message, frozen=True, kw_only=True):
    """An operator bound the tenant to a Microsoft tenant, application and credential; the binding replaces any other.

    ``cancelled_runs`` are those of the tenant's connections that had another application or credential.
    """

    topic: ClassVar[Topic] = SESSION_API_AUDIT

    by_user_id: Id
    occurred_at: Moment
    external_tenant_id: ShortText
    cloud: ShortText
    client_id: ShortText
    credential_ref: ShortText
    cancelled_runs: Count

    @property
    def subject(self) -> str:
        return f"tenant-bindings/{self.cloud}/{self.external_tenant_id}"


class TenantBindingRemoved(Message, frozen=True, kw_only=True):
    """The tenant is no longer bound to a Microsoft tenant, and the cancellation of its runs there was requested."""

    topic: ClassVar[Topic] = SESSION_API_AUDIT

    by_user_id: Id
    occurred_at: Moment
    external_tenant_id: ShortText
    cloud: ShortText
    cancelled_runs: Count

    @property
    def subject(self) -> str:
        return f"tenant-bindings/{self.cloud}/{self.external_tenant_id}"


class EvidenceBroken(Message, frozen=True, kw_only=True):
    """A verification found a break of the tenant's chain; ``kind`` is that of the verification.

    With ``anchored``, the anchor of the request may be wrong instead.
    """

    topic: ClassVar[Topic] = EVIDENCE_STORE_AUDIT

    by_user_id: Id
    occurred_at: Moment
    position: Annotated[int, Meta(description="The first position that differs from what was sealed.")]
    evidence_id: int | None = None
    kind: ShortText
    anchored: bool


class InboxRepair(Message, frozen=True, kw_only=True):
    """An operator repaired the last applied sequence of a tenant and topic with the command ``inbox repair``."""

    operator: Annotated[ShortText, Meta(description="The user and the host of the command.")]
    occurred_at: Moment
    repaired_topic: ShortText
    before: Count
    after: Count


class SessionApiInboxRepaired(InboxRepair, frozen=True, kw_only=True):
    """The inbox of session-api was repaired by an operator."""

    topic: ClassVar[Topic] = SESSION_API_AUDIT


class TaskRunnerInboxRepaired(InboxRepair, frozen=True, kw_only=True):
    """The inbox of task-runner was repaired by an operator."""

    topic: ClassVar[Topic] = TASK_RUNNER_AUDIT


class EvidenceStoreInboxRepaired(InboxRepair, frozen=True, kw_only=True):
    """The inbox of evidence-store was repaired by an operator."""

    topic: ClassVar[Topic] = EVIDENCE_STORE_AUDIT


class DeadLetterReplay(Message, frozen=True, kw_only=True):
    """An operator replayed a dead letter, which had been rejected for ``reason_code``. Tenant 0 is the platform."""

    by_user_id: Id
    occurred_at: Moment
    dead_letter_id: Id
    source_topic: ShortText
    reason_code: ReasonCode
    outcome: ReplayOutcome

    @property
    def subject(self) -> str:
        return f"dead-letters/{self.dead_letter_id}"


class DeadLetterDiscard(Message, frozen=True, kw_only=True):
    """An operator discarded dead letters of one topic and reason. Tenant 0 is the platform."""

    by_user_id: Id
    occurred_at: Moment
    source_topic: ShortText
    reason_code: ReasonCode
    dead_letter_ids: Annotated[tuple[Id, ...], Meta(min_length=1, max_length=DEAD_LETTERS_AT_ONCE)]

    @property
    def subject(self) -> str:
        return f"dead-letters/{self.source_topic}/{self.reason_code}"


class SessionApiDeadLetterReplayed(DeadLetterReplay, frozen=True, kw_only=True):
    """A dead letter of session-api was replayed by an operator."""

    topic: ClassVar[Topic] = SESSION_API_AUDIT


class SessionApiDeadLettersDiscarded(DeadLetterDiscard, frozen=True, kw_only=True):
    """Dead letters of session-api were discarded by an operator."""

    topic: ClassVar[Topic] = SESSION_API_AUDIT


class TaskRunnerDeadLetterReplayed(DeadLetterReplay, frozen=True, kw_only=True):
    """A dead letter of task-runner was replayed by an operator."""

    topic: ClassVar[Topic] = TASK_RUNNER_AUDIT


class TaskRunnerDeadLettersDiscarded(DeadLetterDiscard, frozen=True, kw_only=True):
    """Dead letters of task-runner were discarded by an operator."""

    topic: ClassVar[Topic] = TASK_RUNNER_AUDIT


class EvidenceStoreDeadLetterReplayed(DeadLetterReplay, frozen=True, kw_only=True):
    """A dead letter of evidence-store was replayed by an operator."""

    topic: ClassVar[Topic] = EVIDENCE_STORE_AUDIT


class EvidenceStoreDeadLettersDiscarded(DeadLetterDiscard, frozen=True, kw_only=True):
    """Dead letters of evidence-store were discarded by an operator."""

    topic: ClassVar[Topic] = EVIDENCE_STORE_AUDIT


AUDIT_MESSAGES: dict[Topic, tuple[type[Message], ...]] = {
    SESSION_API_AUDIT: (
        ConnectionCreated,
        ConnectionDisabled,
        ConsentLinkCreated,
        TenantBindingSet,
        TenantBindingRemoved,
        SessionApiInboxRepaired,
        SessionApiDeadLetterReplayed,
        SessionApiDeadLettersDiscarded,
    ),
    TASK_RUNNER_AUDIT: (TaskRunnerInboxRepaired, TaskRunnerDeadLetterReplayed, TaskRunnerDeadLettersDiscarded),
    EVIDENCE_STORE_AUDIT: (
        EvidenceBroken,
        EvidenceStoreInboxRepaired,
        EvidenceStoreDeadLetterReplayed,
        EvidenceStoreDeadLettersDiscarded,
    ),
}
INBOX_REPAIRS: dict[str, type[InboxRepair]] = {
    message.topic.publisher: message
    for message in (SessionApiInboxRepaired, TaskRunnerInboxRepaired, EvidenceStoreInboxRepaired)
}
"""The message of each service, by its name."""


class DeadLetterEvents(NamedTuple):
    """The events of one service about what operators do with its dead letters."""

    replayed: type[DeadLetterReplay]
    discarded: type[DeadLetterDiscard]


DEAD_LETTER_EVENTS: dict[str, DeadLetterEvents] = {
    events.replayed.topic.publisher: events
    for events in (
        DeadLetterEvents(SessionApiDeadLetterReplayed, SessionApiDeadLettersDiscarded),
        DeadLetterEvents(TaskRunnerDeadLetterReplayed, TaskRunnerDeadLettersDiscarded),
        DeadLetterEvents(EvidenceStoreDeadLetterReplayed, EvidenceStoreDeadLettersDiscarded),
    )
}
"""The events of each service, by its name."""
