"""Request and response bodies of starts. The names of schemas and members are part of the contract."""

from datetime import datetime
from typing import Any, Literal

from msgspec import Struct

from onboarding_shared.contracts.types import RunState
from session_api.domain.preflight import FindingStatus, Prediction


class StartRun(Struct, kw_only=True, frozen=True, forbid_unknown_fields=True):
    """Optional wishes for a start. ``validate_only``: say what it would lead to and lack, and start nothing.

    ``inputs`` have to fit the task type's ``inputs_schema``, with at most 16 KiB and 8 levels. They are stored and
    shown, so they must not contain a secret. A ``dry_run`` only reads; its result is not the verdict of the task.
    """

    provider_connection_id: int | None = None
    validate_only: bool = False
    inputs: dict[str, Any] | None = None
    dry_run: bool = False


class StartStep(Struct, kw_only=True, frozen=True, forbid_unknown_fields=True):
    """Options of the start of a step. ``include_optional``: also start shared tasks that are not required."""

    provider_connection_id: int | None = None
    include_optional: bool = False


class OperationRunLink(Struct, kw_only=True):
    """The created or reused run of a start."""

    run_id: int
    url: str
    outcome: Literal["created", "reused"]


class BlockingRun(Struct, kw_only=True):
    """The active run that must end first."""

    run_id: int
    task_type: str
    state: RunState
    since: datetime
    url: str


class StartedTask(Struct, kw_only=True):
    """The outcome of one of several starts.

    ``started`` and ``reused`` have ``run_id`` and ``url``; ``blocked`` and ``refused`` have ``code``, ``message`` and
    ``next``.
    """

    task_type: str
    outcome: Literal["started", "reused", "blocked", "refused"]
    run_id: int | None = None
    url: str | None = None
    code: str | None = None
    message: str | None = None
    next: str | None = None
    blocking_run: BlockingRun | None = None


class PreflightFinding(Struct, kw_only=True):
    """One prerequisite of a start: ``check`` is connection, guard, permissions or licence.

    ``code`` is a reason code or a problem code, ``remediation`` the next step; both are null if the check passed.
    """

    check: str
    status: FindingStatus
    code: str | None = None
    message: str
    remediation: str | None = None


class PreflightReport(Struct, kw_only=True):
    """The predicted outcome of a start. ``run_id`` and ``url`` are those of the run that would be reused."""

    task_type: str
    would: Prediction
    provider_connection_id: int | None = None
    run_id: int | None = None
    url: str | None = None
    blocking_run: BlockingRun | None = None
    findings: list[PreflightFinding]


class ErrorResponse(Struct, kw_only=True):
    """The problem of a start that created no run.

    ``blocking_run`` is there with BLOCKED_BY_RUN, ``provider_connection_id`` with CONNECTION_DISABLED and
    CONNECTION_NOT_BOUND, ``provider_connection_ids`` with CONNECTION_NOT_CHOSEN, and ``state`` with RUN_NOT_ENDED.
    """

    error: str
    code: Literal[
        "BLOCKED_BY_RUN",
        "CONNECTION_DISABLED",
        "CONNECTION_NOT_BOUND",
        "CONNECTION_NOT_CHOSEN",
        "IDEMPOTENCY_KEY_IN_PROGRESS",
        "RUN_NOT_ENDED",
    ]
    status: int
    next: str
    request_id: str
    type: str
    title: str
    detail: str
    blocking_run: BlockingRun | None = None
    provider_connection_id: int | None = None
    provider_connection_ids: list[int] | None = None
    state: RunState | None = None
