"""Stores the results of runs as evidence: one sealed row per run that was not cancelled."""

import time
from collections.abc import Mapping, Sequence
from functools import partial

import structlog
from sqlalchemy.ext.asyncio import AsyncConnection

from evidence_store import metrics
from evidence_store.domain.admission import RunKey, contradicts, leaves_evidence, recorded
from evidence_store.domain.chain import StoredEvidence, extend
from evidence_store.store import ledger
from onboarding_shared.contracts.cloudevents import Received
from onboarding_shared.contracts.evidence_store import EvidenceRecorded
from onboarding_shared.contracts.task_runner import RunFinished
from onboarding_shared.messaging.changes import NO_CHANGE
from onboarding_shared.messaging.outbox import Outbox, Outgoing
from onboarding_shared.postgres.database import after_commit
from onboarding_shared.telemetry.tracing import recording, start_span, trace_id_of

_log = structlog.get_logger(__name__)


class Recording:
    """Applies results. A repeated result is confirmed with the stored evidence, which does not change."""

    def __init__(self, outbox: Outbox) -> None:
        self._outbox = outbox

    async def apply(self, tx: AsyncConnection, batch: Sequence[Received]) -> None:
        """Apply one batch in its transaction. Idempotent, and safe to run concurrently in several processes."""
        began_ns = time.time_ns()
        results: dict[RunKey, RunFinished] = {}
        traces: dict[RunKey, str | None] = {}
        for received in batch:
            message = received.message
            if leaves_evidence(message):
                run = message.run_id, message.tenant_id
                results.setdefault(run, message)
                traces.setdefault(run, received.traceparent)
        if not results:
            return
        await ledger.lock(tx, [result.tenant_id for result in results.values()])
        snapshot = await ledger.read_snapshot(tx, list(results.values()))
        new = {run: result for run, result in results.items() if run not in snapshot.kept}
        rows, heads = extend(snapshot.heads, list(new.values()), snapshot.new_ids, snapshot.now)
        stored = dict(zip(new, rows, strict=True))
        confirmations = snapshot.kept | {run: recorded(row) for run, row in stored.items()}
        change = ledger.appended(rows, heads) if rows else NO_CHANGE
        await self._outbox.append(tx, [Outgoing(confirmations[run], traces[run]) for run in results], change)
        after_commit(tx, partial(_report, stored, results, snapshot.kept, traces))
        after_commit(tx, partial(_trace_recording, stored, traces, began_ns))


def _report(
    stored: Mapping[RunKey, StoredEvidence],
    results: Mapping[RunKey, RunFinished],
    kept: Mapping[RunKey, EvidenceRecorded],
    traces: Mapping[RunKey, str | None],
) -> None:
    for run, row in stored.items():
        metrics.DELAY.add(max(0.0, (row.recorded_at - results[run].finished_at).total_seconds()))
        _log.info("evidence_recorded", tenant_id=row.tenant_id, run_id=row.run_id, trace_id=_trace(traces[run]),
                  evidence_id=row.id, position=row.position, task_type=row.task_type, status=row.status,
                  reason_code=row.reason_code)  # fmt: skip
    for run, first in kept.items():
        if contradicts(results[run], first):
            metrics.CONTRADICTIONS.inc()
            _log.error("result_contradicts_evidence", tenant_id=first.tenant_id, run_id=first.run_id,
                       trace_id=_trace(traces[run]), evidence_id=first.evidence_id)  # fmt: skip


def _trace_recording(
    stored: Mapping[RunKey, StoredEvidence], traces: Mapping[RunKey, str | None], began_ns: int
) -> None:
    for run, row in stored.items() if recording() else ():
        attributes = {
            "onboarding.tenant_id": row.tenant_id,
            "onboarding.run_id": row.run_id,
            "onboarding.evidence_id": row.id,
            "onboarding.evidence_position": row.position,
            "onboarding.task_type": row.task_type,
            "onboarding.check_status": row.status,
            "onboarding.reason_code": row.reason_code,
        }
        span = start_span("record evidence", parent=traces[run], attributes=attributes, began_ns=began_ns)
        if span is not None:
            span.end()


def _trace(traceparent: str | None) -> str | None:
    return None if traceparent is None else trace_id_of(traceparent)
