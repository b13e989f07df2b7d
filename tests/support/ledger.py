"""The books of all three services side by side: what was accepted, what was executed, what is evidence."""

import asyncio
from collections import Counter
from collections.abc import Mapping
from typing import Any

from tests.support.system import System

RUNS = "SELECT id, state, status, reason_code FROM operation_runs WHERE tenant_id = ANY($1::bigint[])"
EXECUTIONS = "SELECT run_id, state, status, reason_code FROM executions WHERE tenant_id = ANY($1::bigint[])"
UNCONFIRMED = """SELECT run_id FROM executions
WHERE tenant_id = ANY($1::bigint[]) AND confirmed_at IS NULL AND state <> 'cancelled'"""
EVIDENCE = "SELECT run_id, status, reason_code FROM evidence WHERE tenant_id = ANY($1::bigint[])"
ENDED = {"succeeded", "failed", "timed_out", "cancelled"}


async def mistakes(system: System, accepted: Mapping[int, int]) -> list[str]:
    """Contradictions in the books of these runs (run id → tenant), as sentences; empty when all books agree.

    Every accepted run has ended, with the same verdict in all three services, one execution and one item of evidence
    (none when it was cancelled); nothing else is there; no dead letters; every chain verifies.
    """
    tenants = sorted(set(accepted.values()))
    runs = {run: tuple(rest) for run, *rest in await system.rows("session_api", RUNS, tenants)}
    executions = {run: tuple(rest) for run, *rest in await system.rows("task_runner", EXECUTIONS, tenants)}
    evidence = [tuple(row) for row in await system.rows("evidence_store", EVIDENCE, tenants)]
    faults = [f"run {run} was accepted, and session-api has none" for run in accepted if run not in runs]
    for run, verdict in runs.items():
        if run not in accepted:
            faults.append(f"run {run} is there, and no caller was answered 201")
        if verdict[0] not in ENDED:
            faults.append(f"run {run} has not ended: {verdict}")
        elif executions.get(run) != verdict:
            faults.append(f"run {run} is {verdict} for session-api, {executions.get(run)} for task-runner")
    faults += [f"execution {run} has no run" for run in executions if run not in runs]
    faults += _evidence(runs, evidence)
    faults += [f"result {row[0]} was not confirmed" for row in await system.rows("task_runner", UNCONFIRMED, tenants)]
    faults += await _dead_letters(system)
    if faults:
        return faults
    return await _chains(system, tenants, Counter(accepted[row[0]] for row in evidence))


def _evidence(runs: Mapping[int, tuple[Any, ...]], evidence: list[tuple[Any, ...]]) -> list[str]:
    counted = Counter(row[0] for row in evidence)
    faults = [f"evidence of {run}, which is no run" for run in counted if run not in runs]
    for run, (state, *_) in runs.items():
        wanted = 0 if state == "cancelled" else 1
        if counted[run] != wanted:
            faults.append(f"run {run} ({state}) has {counted[run]} items of evidence")
    for run, *verdict in evidence:
        if run in runs and tuple(verdict) != runs[run][1:]:
            faults.append(f"evidence of {run} has {verdict}, its run {runs[run]}")
    return faults


async def _dead_letters(system: System) -> list[str]:
    faults = []
    for database in ("session_api", "task_runner", "evidence_store"):
        rows = await system.rows(database, "SELECT source_topic, reason_code, detail FROM dead_letters")
        faults += [f"dead letter in {database}: {tuple(row)}" for row in rows]
    return faults


async def _chains(system: System, tenants: list[int], lengths: Mapping[int, int]) -> list[str]:
    async with system.caller(tenants[0], tenants=tenants) as caller:

        async def verified(tenant: int) -> str | None:
            answer = (await caller.http.get(f"/tenants/{tenant}/onboarding/evidence/verification")).json()
            if answer.get("verified") and answer.get("length") == lengths.get(tenant, 0):
                return None
            return f"chain of tenant {tenant}, which should have {lengths.get(tenant, 0)} items: {answer}"

        return [fault for fault in await asyncio.gather(*map(verified, tenants)) if fault]
