"""Preflight of a start: its predicted outcome, and the checks of its prerequisites."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from onboarding_shared.contracts.task_runner import TaskTypeDeclaration
from onboarding_shared.contracts.types import CheckStatus, Licence, Scope
from session_api.domain.connections import ConnectionRefusal, NotChosen
from session_api.domain.freshness import EVIDENCE_STALE, NEVER_RUN, LatestResult, current_result
from session_api.domain.guard import Blocked, Reused
from session_api.domain.starting import Planned

CONSENT_TASK = "app.consent"
LICENCE_TASK = "license.inventory"
_ENOUGH = {Licence.P1: {"LICENSE_P1", "LICENSE_P2", "LICENSE_GRACE"}, Licence.P2: {"LICENSE_P2"}}
_TOO_LITTLE = {"LICENSE_NONE", "LICENSE_FREE", "LICENSE_SUSPENDED", "LICENSE_NOT_PROVISIONED", "LICENSE_P1"}


class FindingStatus(StrEnum):
    """Result of one check. A prerequisite that cannot be determined is ``unknown``, never ``ok``."""

    OK = "ok"
    MISSING = "missing"
    BLOCKED = "blocked"
    UNKNOWN = "unknown"


class Prediction(StrEnum):
    """Predicted outcome of a start."""

    CREATE = "create"
    REUSE = "reuse"
    BLOCKED = "blocked"
    REFUSED = "refused"


@dataclass(frozen=True, slots=True)
class PreflightCheck:
    """Result of one check; ``code`` is a reason code or a problem code, None if the check passed."""

    check: str
    status: FindingStatus
    code: str | None
    message: str


@dataclass(frozen=True, slots=True)
class KnownEvidence:
    """The fields of evidence that the checks use; ``granted`` and ``missing`` are permissions, None if not reported."""

    task_type: str
    connection_id: int | None
    status: CheckStatus
    reason_code: str | None
    at: datetime
    granted: frozenset[str] | None = None
    missing: frozenset[str] | None = None


@dataclass(frozen=True, slots=True)
class Unreadable:
    """The evidence could not be read, for the reason ``code``."""

    code: str


@dataclass(frozen=True, slots=True)
class NoEvidence:
    """There is no valid evidence, for the reason ``code``."""

    code: str


Knowledge = Sequence[KnownEvidence] | Unreadable


def evidence_needed(task_type: TaskTypeDeclaration) -> tuple[str, ...]:
    """Return the task types whose evidence the checks of ``task_type`` use."""
    consent = (CONSENT_TASK,) if task_type.permissions else ()
    return (*consent, LICENCE_TASK) if task_type.licence else consent


def predict(plan: Planned | ConnectionRefusal) -> Prediction:
    """Predict the outcome of a start."""
    if not isinstance(plan, Planned):
        return Prediction.REFUSED
    if isinstance(plan.decision, Blocked):
        return Prediction.BLOCKED
    return Prediction.REUSE if isinstance(plan.decision, Reused) else Prediction.CREATE


def findings(
    task_type: TaskTypeDeclaration,
    plan: Planned | ConnectionRefusal,
    knowledge: Knowledge,
    fresh_seconds: Callable[[str], float],
    now: datetime,
) -> list[PreflightCheck]:
    """Check connection, guard, permissions and licence, in this order.

    ``fresh_seconds`` returns the freshness period of a task type's evidence.
    """
    checks = [_connection(task_type, plan), _guard(plan)]
    connection = plan.connection if isinstance(plan, Planned) else None
    latest = _Latest(knowledge, connection.id if connection else None, fresh_seconds, now)
    return [*checks, _permissions(task_type, latest), _licence(task_type, latest)]


def _connection(task_type: TaskTypeDeclaration, plan: Planned | ConnectionRefusal) -> PreflightCheck:
    if isinstance(plan, NotChosen):
        ids = ", ".join(str(connection_id) for connection_id in plan.connection_ids)
        message = f"The tenant has the provider connections {ids}, and none of them is chosen."
        return PreflightCheck("connection", FindingStatus.MISSING, "CONNECTION_NOT_CHOSEN", message)
    if not isinstance(plan, Planned):
        code, problem = "CONNECTION_NOT_FOUND", "does not exist in this tenant"
        if plan.disabled:
            code, problem = "CONNECTION_DISABLED", "is disabled"
        elif plan.unbound:
            code, problem = "CONNECTION_NOT_BOUND", "has no binding of an operator"
        return PreflightCheck(
            "connection", FindingStatus.MISSING, code, f"Provider connection {plan.connection_id} {problem}."
        )
    if plan.connection is not None:
        message = f"Provider connection {plan.connection.id} would be used."
        return PreflightCheck("connection", FindingStatus.OK, None, message)
    message = "No provider connection would be used: the tenant has no enabled one."
    needed = task_type.scope is Scope.CONNECTION
    status = FindingStatus.MISSING if needed else FindingStatus.UNKNOWN
    return PreflightCheck("connection", status, "PROVIDER_CONNECTION_MISSING", message)


def _guard(plan: Planned | ConnectionRefusal) -> PreflightCheck:
    if not isinstance(plan, Planned):
        message = "Conflicting runs cannot be determined without a usable provider connection."
        return PreflightCheck("guard", FindingStatus.UNKNOWN, None, message)
    run = plan.decision.run
    if isinstance(plan.decision, Blocked):
        since = "" if run.since is None else f", since {run.since:%Y-%m-%dT%H:%M:%SZ}"
        message = f"Run {run.run_id} of {run.task_type} must end first ({run.state}{since})."
        return PreflightCheck("guard", FindingStatus.BLOCKED, "BLOCKED_BY_RUN", message)
    if isinstance(plan.decision, Reused):
        return PreflightCheck("guard", FindingStatus.OK, None, f"Run {run.run_id} is active and would be reused.")
    return PreflightCheck("guard", FindingStatus.OK, None, "No active run conflicts with the start.")


class _Latest:
    """The newest evidence of some task types on one connection."""

    def __init__(
        self, knowledge: Knowledge, connection_id: int | None, fresh_seconds: Callable[[str], float], now: datetime
    ) -> None:
        self._knowledge = knowledge
        self._connection_id = connection_id
        self._fresh_seconds = fresh_seconds
        self._now = now

    def of(self, *task_types: str) -> KnownEvidence | NoEvidence:
        """Return the newest evidence of these task types, unless it has expired."""
        if isinstance(self._knowledge, Unreadable):
            return NoEvidence(self._knowledge.code)
        if self._connection_id is None:
            return NoEvidence("PROVIDER_CONNECTION_MISSING")
        matching = [
            evidence
            for evidence in self._knowledge
            if evidence.task_type in task_types and evidence.connection_id == self._connection_id
        ]
        if not matching:
            return NoEvidence(NEVER_RUN)
        newest = max(matching, key=lambda evidence: evidence.at)
        result = LatestResult(newest.status, newest.reason_code, None, newest.at, self._fresh_seconds(newest.task_type))
        stale = current_result(result, None, self._now).reason_code == EVIDENCE_STALE
        return NoEvidence(EVIDENCE_STALE) if stale else newest


def _permissions(task_type: TaskTypeDeclaration, latest: _Latest) -> PreflightCheck:
    if not task_type.permissions:
        return PreflightCheck("permissions", FindingStatus.OK, None, "The task asks for none in the customer's tenant.")
    known = latest.of(CONSENT_TASK)
    if isinstance(known, NoEvidence):
        message = f"No valid evidence shows that these are granted: {', '.join(task_type.permissions)}."
        return PreflightCheck("permissions", FindingStatus.UNKNOWN, known.code, message)
    needed = set(task_type.permissions)
    lacking = needed & (known.missing or set())
    if known.reason_code == "CONSENT_MISSING":
        lacking = needed
    if lacking:
        code = "CONSENT_MISSING" if known.reason_code == "CONSENT_MISSING" else "CONSENT_PERMISSIONS_MISSING"
        return PreflightCheck("permissions", FindingStatus.MISSING, code, f"Not granted: {', '.join(sorted(lacking))}.")
    undetermined = needed if known.status is CheckStatus.UNKNOWN else needed - (known.granted or set())
    if undetermined:
        names = ", ".join(sorted(undetermined))
        message = f"The evidence of {known.task_type} does not include these permissions: {names}."
        return PreflightCheck("permissions", FindingStatus.UNKNOWN, known.reason_code, message)
    return PreflightCheck("permissions", FindingStatus.OK, None, f"Granted: {', '.join(sorted(needed))}.")


def _licence(task_type: TaskTypeDeclaration, latest: _Latest) -> PreflightCheck:
    if task_type.licence is None:
        return PreflightCheck("licence", FindingStatus.OK, None, "The task needs no licence.")
    needed = f"Microsoft Entra ID {task_type.licence.value}"
    known = latest.of(LICENCE_TASK)
    code = known.code if isinstance(known, NoEvidence) else known.reason_code
    if isinstance(known, KnownEvidence) and code in _ENOUGH[task_type.licence]:
        return PreflightCheck("licence", FindingStatus.OK, None, f"{needed} is licensed.")
    if isinstance(known, KnownEvidence) and code in _TOO_LITTLE:
        return PreflightCheck("licence", FindingStatus.MISSING, code, f"The task needs {needed}.")
    return PreflightCheck("licence", FindingStatus.UNKNOWN, code, f"No valid evidence shows that {needed} is licensed.")
