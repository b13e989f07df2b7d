"""The report of a session repeats what is sealed; what has no valid sealed result was not checked."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from typing import Any

import msgspec
import pytest

from onboarding_shared.contracts.types import CheckStatus, SessionStatus
from session_api.domain.reports import (
    ChainCheck,
    CountedRun,
    Customer,
    Report,
    ReportedSession,
    ReportedTask,
    make_report,
    runs_to_read,
)
from session_api.domain.sealed_records import SealedRecord, read_sealed

NOW = datetime(2026, 11, 24, 10, 0, tzinfo=UTC)
FINISHED = datetime(2026, 11, 24, 9, 30, tzinfo=UTC)
SESSION = ReportedSession(
    id=3,
    customer=Customer(42, "Contoso", "3f2504e0-4f89-41d3-9a0c-0305e82c3301", "public"),
    status=SessionStatus.COMPLETED,
    current_step=5,
    provider_connection_id=5,
    created_at=FINISHED,
    as_of=NOW,
    now=NOW + timedelta(days=30),
)
INTACT = ChainCheck(True, 1, "a" * 64)


def task(run: CountedRun | None = None, **more: Any) -> ReportedTask:
    given: dict[str, Any] = {
        "name": "license.inventory",
        "title": "Licences",
        "description": "",
        "step": 3,
        "required": True,
        "fresh_seconds": 3600.0,
        "not_chosen": False,
        "last_run_id": None if run is None else run.id,
        "run": run,
        **more,
    }
    return ReportedTask(**given)


def run(status: str = "ok", **more: Any) -> CountedRun:
    return CountedRun(**{"id": 17, "status": CheckStatus(status), "reason_code": "LICENSE_P2", "message": "Two",
                         "finished_at": FINISHED, **more})  # fmt: skip


def record(**fields: Any) -> SealedRecord:
    sealed = {
        "id": 205,
        "tenant_id": 42,
        "position": 1,
        "operation_run_id": 17,
        "task_type": "license.inventory",
        "status": "ok",
        "reason_code": "LICENSE_P2",
        "message": "Two",
        "recorded_at": "2026-11-24T09:30:01.000000Z",
        "finished_at": "2026-11-24T09:30:00.000000Z",
        "payload": {"seats": 25},
        **fields,
    }
    text = msgspec.json.encode(sealed).decode()
    seal = sha256(bytes(32) + text.encode()).hexdigest()
    return SealedRecord(sealed["id"], sealed["position"], sealed["operation_run_id"], "0" * 64, seal, text)


def report(*tasks: ReportedTask, records: tuple[SealedRecord, ...] = (), session: ReportedSession = SESSION) -> Report:
    return make_report(session, tasks, records, INTACT)


def reason(*tasks: ReportedTask, records: tuple[SealedRecord, ...] = (), session: ReportedSession = SESSION) -> str:
    """The reason why the only task was not checked."""
    made = report(*tasks, records=records, session=session)
    (gap,) = made.not_checked
    assert (made.findings, made.records) == ((), ())
    return gap.reason_code


def test_a_finding_repeats_the_sealed_record() -> None:
    made = report(task(run()), records=(record(),))
    (finding,) = made.findings
    assert (finding.sealed.status, finding.sealed.reason_code, finding.sealed.message) == ("ok", "LICENSE_P2", "Two")
    assert (finding.sealed.id, finding.seal) == (205, made.records[0].seal)
    assert finding.expires_at == FINISHED + timedelta(hours=1)
    assert made.not_checked == ()


def test_a_task_that_never_ran_was_not_checked() -> None:
    assert reason(task()) == "NEVER_RUN"


def test_a_run_without_a_record_is_no_verdict() -> None:
    assert reason(task(run())) == "EVIDENCE_MISSING"


@pytest.mark.parametrize(
    "sealed",
    [
        record()._replace(record=record().record.replace('"ok"', '"no"')),
        record()._replace(seal="0" * 64),
        record()._replace(previous_seal="nonsense"),
        record()._replace(id=206),
        record()._replace(position=2),
        record(tenant_id=43),
        record(task_type="app.consent"),
        record(status="fail"),
        record(reason_code="LICENSE_P1"),
    ],
)
def test_a_record_that_is_not_of_the_run_is_no_verdict(sealed: SealedRecord) -> None:
    assert reason(task(run()), records=(sealed,)) == "EVIDENCE_ALTERED"


def test_a_result_that_had_expired_was_not_checked() -> None:
    later = replace(SESSION, as_of=FINISHED + timedelta(hours=1))
    assert reason(task(run()), records=(record(),), session=later) == "EVIDENCE_STALE"


def test_a_result_that_expired_after_the_session_counts() -> None:
    assert SESSION.now > FINISHED + timedelta(hours=1)
    assert len(report(task(run()), records=(record(),)).findings) == 1


def test_an_open_connection_leaves_its_tasks_unchecked() -> None:
    assert reason(task(run(), not_chosen=True), records=(record(),)) == "CONNECTION_NOT_CHOSEN"


def test_counts_keep_unknown_apart_from_unchecked() -> None:
    unknown = record(id=206, position=2, operation_run_id=18, status="unknown", reason_code="GRAPH_THROTTLED")
    other = run("unknown", id=18, reason_code="GRAPH_THROTTLED")
    made = report(task(run()), task(other), task(), records=(record(), unknown))
    assert made.counts == {"ok": 1, "warn": 0, "fail": 0, "unknown": 1, "not_checked": 1}


def test_records_are_those_of_findings_by_position() -> None:
    first = record(id=100, position=1, operation_run_id=18)
    second = record(id=101, position=2)
    stranger = record(id=102, position=3, operation_run_id=99)
    made = report(task(run()), task(run(id=18)), records=(second, stranger, first))
    assert [sealed.position for sealed in made.records] == [1, 2]


def test_the_records_of_all_counted_runs_are_read() -> None:
    assert runs_to_read([task(run()), task(), task(run(id=18))]) == [17, 18]


@pytest.mark.parametrize("text", ["", "[]", "{}", "nonsense", "[" * 10_000])
def test_a_record_of_another_form_is_not_read(text: str) -> None:
    seal = sha256(bytes(32) + text.encode()).hexdigest()
    assert read_sealed(SealedRecord(1, 1, 1, "0" * 64, seal, text)) is None
