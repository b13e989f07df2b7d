"""Request and response bodies. The names of schemas and members are part of the contract."""

from datetime import datetime
from typing import Annotated, Any

from msgspec import UNSET, Meta, Struct, UnsetType

from onboarding_shared.contracts.task_runner import DeclaredReason
from onboarding_shared.contracts.types import (
    CheckStatus,
    Licence,
    Mode,
    ReasonCode,
    RunState,
    Scope,
    SessionStatus,
    ShortText,
    StepNumber,
    VisibleName,
    VisibleNote,
)
from session_api.domain.connections import Cloud, Provider
from session_api.domain.history import HistoryAction

Action = Annotated[str, Meta(extra_json_schema={"extra": {"enum": [*HistoryAction]}})]
"""A ``HistoryAction``, or one that a later version of the service has stored."""


class OnboardingSession(Struct, kw_only=True):
    """An onboarding session. ``locked_by_user_id`` and ``locked_until`` are null if the edit lock is free."""

    id: int
    tenant_id: int
    provider_connection_id: int | None = None
    status: SessionStatus
    current_step: StepNumber
    assigned_to_user_id: int | None = None
    locked_by_user_id: int | None = None
    locked_until: datetime | None = None


class SessionDetails(OnboardingSession, kw_only=True):
    """A session in any status, with its times. ``version`` is its entity tag: send it as ``If-Match``."""

    created_at: datetime
    updated_at: datetime
    completed_at: datetime | None = None
    version: str


class OnboardingSessionResponse(Struct, kw_only=True):
    """The open session of the tenant, or null."""

    session: OnboardingSession | None


class UpdateOnboardingSessionRequest(Struct, kw_only=True, frozen=True, forbid_unknown_fields=True):
    """The requested changes; omitted members do not change. An empty object renews the edit lock."""

    current_step: StepNumber | UnsetType = UNSET
    assigned_to_user_id: int | UnsetType | None = UNSET
    takeover: bool | UnsetType | None = UNSET
    provider_connection_id: int | UnsetType | None = UNSET


class AbandonSession(Struct, kw_only=True, frozen=True, forbid_unknown_fields=True):
    """The optional reason for abandoning a session."""

    reason: VisibleNote | None = None


class HistoryEntry(Struct, kw_only=True, rename={"before": "from", "after": "to"}):
    """One change: its user, its time, and the values before (``from``) and after (``to``)."""

    at: datetime
    by_user_id: int
    action: Action
    before: dict[str, Any] | None = None
    after: dict[str, Any] | None = None


class OnboardingTaskSummary(Struct, kw_only=True):
    """A task type and its latest result in the tenant.

    A task of scope ``connection`` is judged by the runs of ``provider_connection_id`` alone: the session's connection,
    or the only enabled one. ``remediation`` is what to do about the verdict, which is unknown from ``expires_at`` on.
    ``last_run_at`` is the end of the run that the verdict is based on. ``active_run`` is the run that has not ended:
    while there is one, ``remediation`` does not ask to start the task. ``unusable``: its package is installed, but
    runners cannot run it, as they said last; false before they have said anything.
    """

    task_type: str
    status: CheckStatus
    reason_code: str | None = None
    message: str | None = None
    last_run_id: int | None = None
    remediation: str | None = None
    expires_at: datetime | None = None
    provider_connection_id: int | None = None
    step: StepNumber
    title: str
    description: str
    required: bool
    last_run_at: datetime | None = None
    active_run: "ActiveRunSummary | None" = None
    blocked_by: "TaskBlock | None" = None
    unusable: bool = False


class TaskBlock(Struct, kw_only=True):
    """The active run that has to end before a start of the task."""

    run_id: int
    task_type: str


class ActiveRunSummary(Struct, kw_only=True):
    """A run that has not ended; ``reason_code``, ``message`` and ``resume_at`` are those of a wait."""

    id: int
    task_type: str
    title: str
    state: RunState
    attempt: int
    reason_code: str | None = None
    message: str | None = None
    resume_at: datetime | None = None
    progress: "RunProgress | None" = None
    started_at: datetime | None = None


class WizardStep(Struct, kw_only=True):
    """A step of the wizard."""

    step: StepNumber
    title: str
    description: str


class OnboardingStep(Struct, kw_only=True):
    """A wizard step: the number of its tasks by status, and its required tasks that are neither ok nor warn."""

    step: StepNumber
    counts: dict[CheckStatus, int]
    can_be_left: bool
    missing: list[OnboardingTaskSummary]


class TaskType(Struct, kw_only=True):
    """A task type as its author declared it. ``inputs_schema`` is null if its runs take no inputs.

    ``inputs_from``: an input that a start omits is the one that the latest run of this task type offered. ``reasons``
    are the reason codes that its package adds to those of the product. ``unusable``: its package is installed, but
    runners cannot run it, as they said last; false before they have said anything.
    """

    name: str
    title: str
    description: str
    step: StepNumber
    scope: Scope
    mode: Mode
    required: bool
    permissions: tuple[str, ...]
    licence: Licence | None
    time_limit_seconds: float
    max_attempts: int
    fresh_seconds: float
    wait_limit_seconds: float
    distribution: str
    version: str
    inputs_schema: dict[str, Any] | None
    supports_dry_run: bool
    inputs_from: dict[str, str]
    unusable: bool
    reasons: tuple[DeclaredReason, ...]


class RunProgress(Struct, kw_only=True):
    """``done`` of ``total`` units; ``total`` is null if it is not known."""

    done: int
    total: int | None = None
    message: str | None = None


class RunResult(Struct, kw_only=True):
    """The result of an ended run, and its remediation. ``status`` is null for a cancelled run, which has no result."""

    status: CheckStatus | None = None
    reason_code: ReasonCode | None = None
    message: str | None = None
    remediation: str | None = None


class RunWaiting(Struct, kw_only=True):
    """The reason for which a run is waiting, what helps it along, and the time at which it resumes."""

    reason_code: str | None = None
    message: str | None = None
    resume_at: datetime | None = None


class OperationRun(Struct, kw_only=True):
    """A run. ``result`` is null until it has ended; ``retry_of_run_id`` is the run that it repeats.

    ``inputs`` are those of its start. A ``dry_run`` only reads, and its result is not the verdict of the task.
    """

    id: int
    tenant_id: int
    task_type: str
    state: RunState
    attempt: int
    progress: RunProgress | None = None
    waiting: RunWaiting | None = None
    result: RunResult | None = None
    onboarding_session_id: int | None = None
    provider_connection_id: int | None = None
    requested_by_user_id: int
    cancel_requested_by_user_id: int | None = None
    retry_of_run_id: int | None = None
    inputs: dict[str, Any] | None = None
    dry_run: bool
    created_at: datetime
    started_at: datetime | None = None
    finished_at: datetime | None = None
    cancel_requested_at: datetime | None = None
    url: str


class NewProviderConnection(Struct, kw_only=True, frozen=True, forbid_unknown_fields=True):
    """A connection to the customer's tenant at a provider. ``credential_ref`` is the name of a credential."""

    provider: Provider = Provider.MICROSOFT_GRAPH
    display_name: VisibleName
    external_tenant_id: ShortText
    client_id: ShortText
    credential_ref: str
    cloud: Cloud = Cloud.PUBLIC


class ProviderConnection(Struct, kw_only=True):
    """A provider connection. It names the credential and never contains it."""

    id: int
    tenant_id: int
    provider: Provider
    display_name: str
    external_tenant_id: str
    client_id: str
    credential_ref: str
    cloud: Cloud
    enabled: bool
    created_at: datetime
    created_by_user_id: int
    disabled_at: datetime | None = None
    disabled_by_user_id: int | None = None
