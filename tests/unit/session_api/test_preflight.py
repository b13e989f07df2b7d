"""The findings of a preflight, from known data only."""

from datetime import UTC, datetime, timedelta

import pytest

from onboarding_shared.contracts.task_runner import TaskTypeDeclaration
from onboarding_shared.contracts.types import CheckStatus, Licence, Mode, RunState, Scope
from session_api.domain.connections import NotUsable
from session_api.domain.guard import ActiveRun, Blocked, Created, Decision, Reused
from session_api.domain.preflight import (
    FindingStatus,
    Knowledge,
    KnownEvidence,
    Prediction,
    PreflightCheck,
    Unreadable,
    evidence_needed,
    findings,
    predict,
)
from session_api.domain.starting import KnownConnection, Planned

NOW = datetime(2026, 11, 24, 9, 0, tzinfo=UTC)
OK, MISSING, BLOCKED, UNKNOWN = FindingStatus
ACTIVE = ActiveRun("app.grant", "connection:1", Mode.EXCLUSIVE, RunState.RUNNING, 5, NOW - timedelta(hours=1))
CONNECTION = KnownConnection(1, 1, False, "microsoft_graph", "t", "c", "env:X", "public")


def declared(*permissions: str, licence: Licence | None = None, scope: Scope = Scope.CONNECTION) -> TaskTypeDeclaration:
    return TaskTypeDeclaration(
        name="a.check",
        title="A check",
        step=1,
        scope=scope,
        mode=Mode.SHARED,
        permissions=permissions,
        licence=licence,
        time_limit_seconds=60.0,
    )


def planned(decision: Decision | None = None, connection: KnownConnection | None = CONNECTION) -> Planned:
    return Planned(decision or Created(ACTIVE), None, connection)


def evidence(
    reason_code: str,
    *,
    task_type: str = "app.consent",
    status: CheckStatus = CheckStatus.FAIL,
    connection_id: int = 1,
    age_hours: float = 1,
    granted: set[str] | None = None,
    missing: set[str] | None = None,
) -> KnownEvidence:
    return KnownEvidence(
        task_type,
        connection_id,
        status,
        reason_code,
        NOW - timedelta(hours=age_hours),
        None if granted is None else frozenset(granted),
        None if missing is None else frozenset(missing),
    )


def finding_of(
    check: str, task_type: TaskTypeDeclaration, plan: Planned | NotUsable | None = None, knowledge: Knowledge = ()
) -> PreflightCheck:
    """One finding; evidence counts for a day."""
    all_of_them = findings(task_type, plan or planned(), knowledge, lambda _: 86_400.0, NOW)
    assert [finding.check for finding in all_of_them] == ["connection", "guard", "permissions", "licence"]
    return next(finding for finding in all_of_them if finding.check == check)


def test_the_decision_predicts_the_result_of_the_start() -> None:
    assert predict(planned(Created(ACTIVE))) is Prediction.CREATE
    assert predict(planned(Reused(ACTIVE))) is Prediction.REUSE
    assert predict(planned(Blocked(ACTIVE))) is Prediction.BLOCKED
    assert predict(NotUsable(1, disabled=True)) is Prediction.REFUSED


def test_a_usable_connection_is_named() -> None:
    assert finding_of("connection", declared()) == PreflightCheck(
        "connection", OK, None, "Provider connection 1 would be used."
    )


@pytest.mark.parametrize(("disabled", "code"), [(True, "CONNECTION_DISABLED"), (False, "CONNECTION_NOT_FOUND")])
def test_an_unusable_connection_is_missing_and_the_guard_unknown(disabled: bool, code: str) -> None:
    refused = NotUsable(9, disabled=disabled)

    assert finding_of("connection", declared(), refused).status is MISSING
    assert finding_of("connection", declared(), refused).code == code
    assert finding_of("guard", declared(), refused).status is UNKNOWN


@pytest.mark.parametrize(("scope", "status"), [(Scope.CONNECTION, MISSING), (Scope.TENANT, UNKNOWN)])
def test_without_a_connection_only_connection_tasks_are_missing_one(scope: Scope, status: FindingStatus) -> None:
    finding = finding_of("connection", declared(scope=scope), planned(connection=None))

    assert (finding.status, finding.code) == (status, "PROVIDER_CONNECTION_MISSING")


def test_the_blocking_run_is_named_with_its_start() -> None:
    finding = finding_of("guard", declared(), planned(Blocked(ACTIVE)))

    assert (finding.status, finding.code) == (BLOCKED, "BLOCKED_BY_RUN")
    assert finding.message == "Run 5 of app.grant must end first (running, since 2026-11-24T08:00:00Z)."


def test_an_active_equal_run_is_in_nobodys_way() -> None:
    finding = finding_of("guard", declared(), planned(Reused(ACTIVE)))

    assert (finding.status, finding.message) == (OK, "Run 5 is active and would be reused.")


def test_a_task_without_permissions_needs_none() -> None:
    assert finding_of("permissions", declared()).status is OK


def test_granted_permissions_are_ok() -> None:
    known = [evidence("CONSENT_OK", status=CheckStatus.OK, granted={"A.Read", "B.Read"}, missing=set())]

    assert finding_of("permissions", declared("A.Read"), knowledge=known).status is OK


def test_missing_permissions_are_named() -> None:
    known = [evidence("CONSENT_PERMISSIONS_MISSING", granted={"A.Read"}, missing={"B.Read", "C.Read"})]
    finding = finding_of("permissions", declared("A.Read", "B.Read"), knowledge=known)

    assert (finding.status, finding.code, finding.message) == (
        MISSING,
        "CONSENT_PERMISSIONS_MISSING",
        "Not granted: B.Read.",
    )


def test_without_any_consent_every_permission_is_missing() -> None:
    finding = finding_of("permissions", declared("A.Read"), knowledge=[evidence("CONSENT_MISSING")])

    assert (finding.status, finding.code, finding.message) == (MISSING, "CONSENT_MISSING", "Not granted: A.Read.")


def test_a_permission_that_the_evidence_does_not_name_is_unknown() -> None:
    known = [evidence("CONSENT_OK", status=CheckStatus.OK, granted={"A.Read"}, missing=set())]

    assert finding_of("permissions", declared("A.Read", "Partner.Read"), knowledge=known).status is UNKNOWN


def test_an_answer_that_is_unknown_itself_makes_nothing_ok() -> None:
    known = [evidence("GRAPH_UNAVAILABLE", status=CheckStatus.UNKNOWN, granted={"A.Read"}, missing=set())]
    finding = finding_of("permissions", declared("A.Read"), knowledge=known)

    assert (finding.status, finding.code) == (UNKNOWN, "GRAPH_UNAVAILABLE")


def test_a_later_check_outdates_an_earlier_one() -> None:
    known = [
        evidence("CONSENT_MISSING", age_hours=2),
        evidence("CONSENT_OK", status=CheckStatus.OK, granted={"A.Read"}, age_hours=1),
    ]

    assert finding_of("permissions", declared("A.Read"), knowledge=known).status is OK


@pytest.mark.parametrize(
    ("knowledge", "code"),
    [
        ([], "NEVER_RUN"),
        ([evidence("CONSENT_OK", connection_id=2, granted={"A.Read"})], "NEVER_RUN"),
        ([evidence("CONSENT_OK", age_hours=25, granted={"A.Read"})], "EVIDENCE_STALE"),
        (Unreadable("EVIDENCE_STORE_UNAVAILABLE"), "EVIDENCE_STORE_UNAVAILABLE"),
    ],
)
def test_what_is_not_known_of_this_connection_now_is_unknown(knowledge: Knowledge, code: str) -> None:
    task_type = declared("A.Read", licence=Licence.P1)
    permissions = finding_of("permissions", task_type, knowledge=knowledge)

    assert (permissions.status, permissions.code) == (UNKNOWN, code)


@pytest.mark.parametrize(
    ("needed", "reason_code", "status"),
    [
        (Licence.P1, "LICENSE_P1", OK),
        (Licence.P1, "LICENSE_P2", OK),
        (Licence.P2, "LICENSE_P2", OK),
        (Licence.P2, "LICENSE_P1", MISSING),
        (Licence.P1, "LICENSE_FREE", MISSING),
        (Licence.P1, "LICENSE_NONE", MISSING),
        (Licence.P1, "LICENSE_SUSPENDED", MISSING),
        (Licence.P1, "LICENSE_NOT_PROVISIONED", MISSING),
        (Licence.P1, "LICENSE_GRACE", OK),
        (Licence.P2, "LICENSE_GRACE", UNKNOWN),
        (Licence.P1, "LICENSE_OVERUSED", UNKNOWN),
        (Licence.P1, "GRAPH_THROTTLED", UNKNOWN),
    ],
)
def test_a_licence_is_there_only_where_the_inventory_saw_it(
    needed: Licence, reason_code: str, status: FindingStatus
) -> None:
    known = [evidence(reason_code, task_type="license.inventory")]

    assert finding_of("licence", declared(licence=needed), knowledge=known).status is status


@pytest.mark.parametrize("needed", Licence)
def test_without_any_evidence_no_licence_is_ok(needed: Licence) -> None:
    assert finding_of("licence", declared(licence=needed)).status is UNKNOWN


def test_only_evidence_that_can_tell_something_is_asked_for() -> None:
    assert evidence_needed(declared()) == ()
    assert evidence_needed(declared("A.Read")) == ("app.consent",)
    assert evidence_needed(declared(licence=Licence.P2)) == ("license.inventory",)
