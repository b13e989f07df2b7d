"""The bodies of requests and answers about starts. The names of the schemas and fields are the contract's."""

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
    """Optional wishes for the start of a step. ``include_optional``: also tasks that are not required and only read."""

    provider_connection_id: int | None = None
    include_optional: bool = False


class OperationRunLink(Struct, kw_only=True):
    """The run that the start led to; ``outcome`` is created or reused."""

    run_id: int
    url: str
    outcome: Literal["created", "reused"]


class BlockingRun(Struct, kw_only=True):
    """The run that is in the way."""

    run_id: int
    task_type: str
    state: RunState
    since: datetime
    url: str


class StartedTask(Struct, kw_only=True):
    """The result of one start of several; ``outcome`` is started, reused, blocked or refused.

    The first two have ``run_id`` and ``url``; the others say why in ``code``, ``message`` and ``next``.
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
    """One thing that a start needs: ``check`` is connection, guard, permissions or licence.

    ``code`` is a reason code or a problem's code, and ``remediation`` what to do about it; null where all is well.
    """

    check: str
    status: FindingStatus
    code: str | None = None
    message: str
    remediation: str | None = None


class PreflightReport(Struct, kw_only=True):
    """The result that a start would have now. ``run_id`` and ``url`` are those of the run that would be reused."""

    task_type: str
    would: Prediction
    provider_connection_id: int | None = None
    run_id: int | None = None
    url: str | None = None
    blocking_run: BlockingRun | None = None
    findings: list[PreflightFinding]


class ErrorResponse(Struct, kw_only=True):
    """The reason for which no run was made.

    ``blocking_run`` is there with BLOCKED_BY_RUN, ``provider_connection_id`` with CONNECTION_DISABLED,
    ``provider_connection_ids`` with CONNECTION_NOT_CHOSEN, and ``state`` with RUN_NOT_ENDED.
    """

    error: str
    code: Literal["BLOCKED_BY_RUN", "CONNECTION_DISABLED", "CONNECTION_NOT_CHOSEN", "RUN_NOT_ENDED"]
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
