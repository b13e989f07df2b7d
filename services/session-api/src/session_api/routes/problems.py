"""The HTTP problems of session-api, and the next step for each."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

import msgspec

from onboarding_shared.postgres.faults import DatabaseUnavailable
from onboarding_shared.web.errors import (
    BadRequest,
    Conflict,
    DependencyDown,
    NotFound,
    PreconditionFailed,
    Problem,
    TooManyRequests,
)
from session_api.domain.connections import ConnectionRefusal, NotChosen, NotUsable
from session_api.domain.edit_lock import LockHeld
from session_api.domain.entity_tags import SessionChanged
from session_api.domain.guard import ActiveRun
from session_api.domain.inputs import DryRunNotSupported, InputsInvalid, InputsNotAccepted, InputsRefusal
from session_api.domain.quotas import TooManyConnections, TooManyRuns, TooManySessions
from session_api.domain.sessions import SessionClosed, StepNotReady, StepOutOfOrder
from session_api.domain.starting import LONGEST_RETRY_SECONDS, UnknownTaskType
from session_api.routes.links import Links
from session_api.use_cases.runs import RunEnded, RunNotEnded, RunNotWaiting
from session_api.use_cases.sessions import NoSuchSession, SessionRefusal
from session_api.use_cases.starts import BlockedBy

CODES: Mapping[str, str] = {
    "BINDING_IN_USE": "Remove the binding, which cancels its runs; set it again when they have ended: see Retry-After.",
    "BLOCKED_BY_RUN": "Another run must end first: retry after the seconds in Retry-After, or cancel blocking_run.",
    "CONNECTIONS_LIMIT": "Disable a provider connection that is no longer used, or ask the operator for more.",
    "CONNECTION_DISABLED": "The provider connection is disabled: use another one, or create one.",
    "CONNECTION_EXISTS": "Use the existing provider connection, or disable it first: see provider_connection_id.",
    "CONNECTION_MISSING": "Create a provider connection to the customer's tenant first.",
    "CONNECTION_NOT_BOUND": "Ask an operator to bind the tenant to this Microsoft tenant, application and credential.",
    "CONNECTION_NOT_CHOSEN": "Name a provider connection in the start, or choose one for the session.",
    "CONNECTION_NOT_FOUND": "The tenant has no provider connection with this id: list its connections, or create one.",
    "CONNECTION_TO_PARTNER": "Send the tenant id of the customer: the partner's own tenant is never onboarded.",
    "CONSENT_NOT_CONFIGURED": "The operator sets ONBOARDING_CONSENT_REDIRECT_URL or ONBOARDING_PUBLIC_URL.",
    "CONSENT_REQUESTS_LIMIT": "Use a link that is open, or wait until the first expires: see Retry-After.",
    "CONSENT_REQUEST_NOT_FOUND": "This tenant has no such consent request: list them, or create one.",
    "CREDENTIAL_NOT_A_REFERENCE": "Send the name of a credential that the operator has defined at task-runner.",
    "DATABASE_UNAVAILABLE": "The database is not available: retry after the seconds in Retry-After.",
    "DRY_RUN_NOT_SUPPORTED": "The task type has supports_dry_run false: start it without dry_run.",
    "EDIT_LOCKED": "Another user holds the edit lock: wait until locked_until, or take it over with takeover=true.",
    "EVIDENCE_STORE_UNAVAILABLE": "Evidence cannot be read at present: retry after the seconds in Retry-After.",
    "IDEMPOTENCY_KEY_INVALID": "Send 1 to 128 visible ASCII characters as Idempotency-Key, or leave it out.",
    "IDEMPOTENCY_KEY_IN_PROGRESS": "Retry after the seconds in Retry-After with the same key: the answer is repeated.",
    "IDEMPOTENCY_KEY_REUSED": "Use a new Idempotency-Key for each new request, and the old one to repeat a request.",
    "INPUTS_INVALID": "Correct the inputs at pointer: see inputs_schema of the task type.",
    "INPUTS_NOT_ACCEPTED": "The task type has no inputs_schema: start it without inputs.",
    "INVALID_CURSOR": "A cursor is valid for the list that returned it only: start again without a cursor.",
    "INVALID_HEADER": "Correct the header that is named in field, or leave it out.",
    "REPORTS_FULL": "This instance makes as many reports as it can: retry after the seconds in Retry-After.",
    "RUNS_LIMIT": "Retry after the seconds in Retry-After, when runs have ended, or cancel some.",
    "RUN_ENDED": "The run has ended: its state and result are final.",
    "RUN_NOT_ENDED": "The run is still active: wait for its end, or cancel it; then retry it.",
    "RUN_NOT_FOUND": "The tenant has no run with this id: list its runs.",
    "RUN_NOT_WAITING": "Only a waiting run can be resumed: see state; read the run, or start the task again.",
    "SESSIONS_LIMIT": "Retry after the seconds in Retry-After: so many sessions are opened within 24 hours at most.",
    "SESSION_CHANGED": "GET the session, look at what has changed, and send the request again with its ETag.",
    "SESSION_CLOSED": "The session is completed or abandoned: POST the session to open a new one.",
    "SESSION_NOT_FOUND": "The tenant has no session with this id: GET its current session.",
    "STEP_NOT_FOUND": "The wizard has the steps 1 to 5: use one of them.",
    "STEP_NOT_READY": "Run the tasks in tasks until each is ok or warn; then change the step.",
    "STEP_OUT_OF_ORDER": "Advance one step at a time from current_step; complete the session in step 5.",
    "STREAMS_FULL": "This instance has no place for another stream: try again after the seconds in Retry-After.",
    "TASK_TYPE_UNKNOWN": "Start one of known_task_types. If it is empty, start task-runner first.",
    "TOO_MANY_REPORTS": "Wait for the reports that you asked for, or retry after the seconds in Retry-After.",
    "TOO_MANY_STREAMS": "Close a stream that is no longer read: a browser tab needs one.",
    "USER_NOT_FOUND": "A user id is an integer from 1 to 9223372036854775807: send another one.",
}


def session_problem(refused: SessionRefusal) -> Problem:
    """Return the problem of a rejected change of a session."""
    match refused:
        case NoSuchSession():
            return NotFound("SESSION_NOT_FOUND", "The tenant has no session with this id")
        case NotUsable():
            return connection_problem(refused)
        case SessionClosed():
            return Conflict(
                "SESSION_CLOSED", f"The session is {refused.status}", extra={"session_status": refused.status}
            )
        case LockHeld():
            return _locked(refused)
        case StepOutOfOrder():
            message = f"The session is at step {refused.current_step} of 5"
            return Conflict("STEP_OUT_OF_ORDER", message, extra={"current_step": refused.current_step})
        case StepNotReady():
            return _not_ready(refused)
        case SessionChanged():
            return PreconditionFailed(
                "SESSION_CHANGED", "The session has changed since it was read", headers={"ETag": refused.current}
            )


def _locked(refused: LockHeld) -> Problem:
    lock = refused.lock
    until = _moment(lock.until)
    return Conflict(
        "EDIT_LOCKED",
        f"The session is being edited by user {lock.user_id} until {until}",
        retry_after=refused.remaining.total_seconds(),
        extra={"locked_by_user_id": lock.user_id, "locked_until": until},
    )


def _not_ready(refused: StepNotReady) -> Problem:
    tasks = [{"task_type": task.task_type, "status": task.status} for task in refused.tasks]
    names = ", ".join(f"{task.task_type} ({task.status})" for task in refused.tasks)
    return Conflict(
        "STEP_NOT_READY",
        f"Step {refused.step} has required tasks that are neither ok nor warn: {names}",
        extra={"step": refused.step, "tasks": tasks},
    )


def connection_problem(refused: ConnectionRefusal) -> Problem:
    """The provider connection cannot be used, or several can and none was chosen."""
    if isinstance(refused, NotChosen):
        ids = ", ".join(str(connection_id) for connection_id in refused.connection_ids)
        return Conflict(
            "CONNECTION_NOT_CHOSEN",
            f"The tenant has the provider connections {ids}, and none of them is chosen",
            extra={"provider_connection_ids": refused.connection_ids},
        )
    extra = {"provider_connection_id": refused.connection_id}
    if refused.disabled:
        return Conflict("CONNECTION_DISABLED", f"Provider connection {refused.connection_id} is disabled", extra=extra)
    if refused.unbound:
        return connection_not_bound(refused.connection_id)
    return connection_not_found()


def connection_not_bound(connection_id: int | None = None) -> Problem:
    """No operator has bound the tenant as the connection, a new one if it has no id yet, says."""
    which = "The new provider connection" if connection_id is None else f"Provider connection {connection_id}"
    return Conflict(
        "CONNECTION_NOT_BOUND",
        f"{which} is to a Microsoft tenant, application or credential that the tenant is not bound to",
        extra={} if connection_id is None else {"provider_connection_id": connection_id},
    )


def binding_in_use() -> Problem:
    """Another onboarding tenant has an active run on the Microsoft tenant. The answer does not name it."""
    message = "Another onboarding tenant has active runs on this Microsoft tenant"
    return Conflict("BINDING_IN_USE", message, retry_after=5)


def connection_exists(connection_id: int) -> Problem:
    """The tenant has an enabled connection of the same application to the same tenant, under another name."""
    return Conflict(
        "CONNECTION_EXISTS",
        f"Provider connection {connection_id} has the same tenant, application and credential under another name",
        extra={"provider_connection_id": connection_id},
    )


def connection_to_partner() -> Problem:
    """Return the problem of a connection whose tenant is the partner's own."""
    message = "external_tenant_id is the partner's own tenant, which is no customer"
    return BadRequest("CONNECTION_TO_PARTNER", message, extra={"field": "external_tenant_id"})


def connection_not_found() -> Problem:
    """Return the problem of a connection id that the tenant does not have."""
    return NotFound("CONNECTION_NOT_FOUND", "The tenant has no provider connection with this id")


def blocked_problem(refused: BlockedBy, tenant_id: int, links: Links) -> Problem:
    """Return the problem of a start that an active run blocks."""
    run = refused.run
    since = "" if run.since is None else f", since {_moment(run.since)}"
    return Conflict(
        "BLOCKED_BY_RUN",
        f"Blocked by run {run.run_id} of {run.task_type} ({run.state}{since})",
        retry_after=refused.retry_seconds,
        extra={"blocking_run": blocking_run(run, tenant_id, links)},
    )


def blocking_run(run: ActiveRun, tenant_id: int, links: Links) -> dict[str, Any]:
    """Return the members of ``blocking_run`` in responses."""
    return {
        "run_id": run.run_id,
        "task_type": run.task_type,
        "state": run.state,
        "since": run.since,
        "url": links.run(tenant_id, run.run_id or 0),
    }


StartRefusal = BlockedBy | UnknownTaskType | ConnectionRefusal | InputsRefusal | TooManyRuns
QuotaRefusal = TooManyConnections | TooManySessions | TooManyRuns


def quota_problem(refused: QuotaRefusal) -> Problem:
    """The tenant has reached one of its limits."""
    match refused:
        case TooManyConnections():
            message = f"The tenant has {refused.limit} enabled provider connections, the most it may have"
            return TooManyRequests("CONNECTIONS_LIMIT", message)
        case TooManySessions():
            message = f"The tenant has opened {refused.limit} sessions within 24 hours, the most it may"
            return TooManyRequests("SESSIONS_LIMIT", message, retry_after=refused.remaining.total_seconds())
        case TooManyRuns():
            message = f"The tenant has {refused.limit} active runs, the most it may have"
            return TooManyRequests("RUNS_LIMIT", message, retry_after=LONGEST_RETRY_SECONDS)


def start_problem(refused: StartRefusal, tenant_id: int, links: Links) -> Problem:
    """The problem of a start that created no run."""
    match refused:
        case BlockedBy():
            return blocked_problem(refused, tenant_id, links)
        case UnknownTaskType():
            return unknown_task_type(refused)
        case NotUsable() | NotChosen():
            return connection_problem(refused)
        case TooManyRuns():
            return quota_problem(refused)
        case InputsInvalid() | InputsNotAccepted() | DryRunNotSupported():
            return inputs_problem(refused)


def inputs_problem(refused: InputsRefusal) -> Problem:
    """The problem of inputs or a dry run that the task type does not accept."""
    match refused:
        case InputsInvalid():
            where = f" at {refused.pointer}" if refused.pointer else ""
            extra = {"pointer": refused.pointer, "rule": refused.rule}
            return BadRequest("INPUTS_INVALID", f"The inputs are wrong{where}: {refused.message}", extra=extra)
        case InputsNotAccepted():
            return BadRequest("INPUTS_NOT_ACCEPTED", f"The task type {refused.task_type} takes no inputs")
        case DryRunNotSupported():
            return BadRequest("DRY_RUN_NOT_SUPPORTED", f"The task type {refused.task_type} cannot be run dry")


def unknown_task_type(refused: UnknownTaskType) -> Problem:
    """Return the problem of a task type that no runner has announced."""
    known = ", ".join(refused.known) or "none"
    return NotFound(
        "TASK_TYPE_UNKNOWN",
        f"The task type {refused.task_type[:100]!r} does not exist; known: {known}",
        extra={"known_task_types": refused.known},
    )


def invalid_cursor() -> Problem:
    """Return the problem of a malformed cursor, or one of another list."""
    return BadRequest("INVALID_CURSOR", "The cursor is not valid for this list", extra={"field": "cursor"})


def step_not_found() -> Problem:
    """Return the problem of a step number outside 1..5."""
    return NotFound("STEP_NOT_FOUND", "The wizard has no step with this number")


def run_not_found() -> Problem:
    """Return the problem of a run id that the tenant does not have."""
    return NotFound("RUN_NOT_FOUND", "The tenant has no run with this id")


def run_ended(refused: RunEnded) -> Problem:
    """Return the problem of a cancellation of an ended run."""
    state = refused.run.state
    return Conflict("RUN_ENDED", f"The run has ended: {state}", extra={"state": state})


def run_not_waiting(refused: RunNotWaiting) -> Problem:
    """The run does not wait."""
    state = refused.run.state
    return Conflict("RUN_NOT_WAITING", f"The run does not wait: {state}", extra={"state": state})


def run_not_ended(refused: RunNotEnded) -> Problem:
    """Return the problem of a retry of an active run."""
    state = refused.run.state
    return Conflict("RUN_NOT_ENDED", f"The run has not ended: {state}", extra={"state": state})


def retry_problem(refused: StartRefusal | RunNotEnded | None, tenant_id: int, links: Links) -> Problem:
    """The problem of a retry that started no run; None = the tenant has no such run."""
    if refused is None:
        return run_not_found()
    return run_not_ended(refused) if isinstance(refused, RunNotEnded) else start_problem(refused, tenant_id, links)


def database_unavailable(_: DatabaseUnavailable) -> Problem:
    """Return the problem of an unavailable database. The request may have been applied; repeating it is safe."""
    return DependencyDown("DATABASE_UNAVAILABLE", "The database is not available", retry_after=1)


def _moment(time: datetime) -> str:
    return msgspec.to_builtins(time)
