"""The bodies of requests and answers. The names of the contract's schemas and fields are the contract's."""

from datetime import datetime
from typing import Annotated, Any

from msgspec import UNSET, Meta, Struct, UnsetType

from onboarding_shared.contracts.types import (
    CheckStatus,
    Licence,
    LongText,
    Mode,
    ReasonCode,
    RunState,
    Scope,
    SessionStatus,
    ShortText,
    StepNumber,
)
from session_api.domain.connections import Cloud, Provider

NonEmptyText = Annotated[str, Meta(min_length=1, max_length=200, pattern=r"^[^\x00]*\Z")]


class OnboardingSession(Struct, kw_only=True):
    """An onboarding session. The lock members are null when nobody holds the edit lock."""

    id: int
    tenant_id: int
    provider_connection_id: int | None = None
    status: SessionStatus
    current_step: StepNumber
    assigned_to_user_id: int | None = None
    locked_by_user_id: int | None = None
    locked_until: datetime | None = None


class OnboardingSessionResponse(Struct, kw_only=True):
    """The open session of the tenant, or null."""

    session: OnboardingSession | None


class UpdateOnboardingSessionRequest(Struct, kw_only=True, frozen=True, forbid_unknown_fields=True):
    """The changes to make; members that are left out stay as they are. An empty object renews the edit lock."""

    current_step: StepNumber | UnsetType = UNSET
    assigned_to_user_id: int | UnsetType | None = UNSET
    takeover: bool | UnsetType | None = UNSET
    provider_connection_id: int | UnsetType | None = UNSET


class AbandonSession(Struct, kw_only=True, frozen=True, forbid_unknown_fields=True):
    """Why the session is given up."""

    reason: LongText | None = None


class HistoryEntry(Struct, kw_only=True, rename={"before": "from", "after": "to"}):
    """One thing that was done: by whom, when, and the values before (``from``) and after (``to``)."""

    at: datetime
    by_user_id: int
    action: str
    before: dict[str, Any] | None = None
    after: dict[str, Any] | None = None


class OnboardingTaskSummary(Struct, kw_only=True):
    """A task type and the verdict of its latest finished run in this tenant.

    A task of scope ``connection`` is judged by the runs of ``provider_connection_id`` alone: the session's connection,
    or the only enabled one. ``remediation`` is what to do about the verdict, which is unknown from ``expires_at`` on.
    """

    task_type: str
    status: CheckStatus
    reason_code: str | None = None
    message: str | None = None
    last_run_id: int | None = None
    remediation: str | None = None
    expires_at: datetime | None = None
    provider_connection_id: int | None = None


class OnboardingStep(Struct, kw_only=True):
    """A step of the wizard: how many of its tasks have each status, and which required ones keep it from being left."""

    step: StepNumber
    counts: dict[CheckStatus, int]
    can_be_left: bool
    missing: list[OnboardingTaskSummary]


class TaskType(Struct, kw_only=True):
    """A task type as its author declared it. ``inputs_schema`` is null if its runs take no inputs."""

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


class RunProgress(Struct, kw_only=True):
    """``done`` of ``total`` units; total null = not known."""

    done: int
    total: int | None = None
    message: str | None = None


class RunResult(Struct, kw_only=True):
    """The result of an ended run, and the remedy. ``status`` is null for a cancelled run, which found out nothing."""

    status: CheckStatus | None = None
    reason_code: ReasonCode | None = None
    message: str | None = None
    remediation: str | None = None


class RunWaiting(Struct, kw_only=True):
    """Why an unfinished run waits, and until when."""

    reason_code: str | None = None
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
    display_name: NonEmptyText
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
