"""Audit events: who did what to connections and consent links, with the repairs of operators and broken evidence.

Each service has an audit topic of its own, because a topic has one publisher. No service of ours consumes them.
"""

from typing import Annotated, ClassVar

from msgspec import Meta

from onboarding_shared.contracts.message import Message
from onboarding_shared.contracts.topics import (
    EVIDENCE_STORE_AUDIT,
    SESSION_API_AUDIT,
    TASK_RUNNER_AUDIT,
    Topic,
)
from onboarding_shared.contracts.types import Count, Id, Moment, ShortText


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


AUDIT_MESSAGES: dict[Topic, tuple[type[Message], ...]] = {
    SESSION_API_AUDIT: (
        ConnectionCreated,
        ConnectionDisabled,
        ConsentLinkCreated,
        TenantBindingSet,
        TenantBindingRemoved,
        SessionApiInboxRepaired,
    ),
    TASK_RUNNER_AUDIT: (TaskRunnerInboxRepaired,),
    EVIDENCE_STORE_AUDIT: (EvidenceBroken, EvidenceStoreInboxRepaired),
}
INBOX_REPAIRS: dict[str, type[InboxRepair]] = {
    message.topic.publisher: message
    for message in (SessionApiInboxRepaired, TaskRunnerInboxRepaired, EvidenceStoreInboxRepaired)
}
"""The message of each service, by its name."""
