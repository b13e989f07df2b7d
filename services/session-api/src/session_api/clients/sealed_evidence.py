"""Reads the evidence of a report from evidence-store: the sealed records of runs, and the verification of the chain."""

from collections.abc import Mapping, Sequence
from typing import TypeVar
from urllib.parse import urlencode

import msgspec
from msgspec import Struct

from onboarding_shared.web.errors import DependencyDown
from session_api.clients.evidence_store import EvidenceStoreClient, unavailable
from session_api.domain.reports import ChainBreak, ChainCheck
from session_api.domain.sealed_records import SealedRecord

MAX_RUNS = 100
"""The runs that evidence-store takes in one request."""

Answer = TypeVar("Answer")


class _Record(Struct, frozen=True):
    id: int
    position: int
    operation_run_id: int
    previous_seal: str
    seal: str
    record: str


class _Verification(Struct, frozen=True, rename={"broken": "break"}):
    verified: bool
    length: int
    head: str
    broken: ChainBreak | None


async def read_records(
    store: EvidenceStoreClient, tenant_id: int, run_ids: Sequence[int], headers: Mapping[str, str]
) -> list[SealedRecord]:
    """Return the sealed records of these runs, as far as there are any. Raises ``DependencyDown``."""
    path = f"/tenants/{tenant_id}/onboarding/evidence/records"
    records: list[SealedRecord] = []
    wanted = list(run_ids)
    while wanted:
        asked, later = wanted[:MAX_RUNS], wanted[MAX_RUNS:]
        page = await _get(store, path, urlencode({"run": asked}, doseq=True), headers, list[_Record])
        arrived = {record.operation_run_id for record in page} & set(asked)
        records += [_sealed(record) for record in page if record.operation_run_id in arrived]
        # An answer ends at some size: what is missing is asked for again until nothing comes.
        wanted = ([run_id for run_id in asked if run_id not in arrived] if arrived else []) + later
    return records


async def verify_chain(store: EvidenceStoreClient, tenant_id: int, headers: Mapping[str, str]) -> ChainCheck:
    """Return the verification of the tenant's chain. One that cannot be done verifies nothing."""
    path = f"/tenants/{tenant_id}/onboarding/evidence/verification"
    try:
        answer = await _get(store, path, "", headers, _Verification)
    except DependencyDown:
        return ChainCheck(verified=None)
    return ChainCheck(answer.verified, answer.length, answer.head, answer.broken)


async def _get(
    store: EvidenceStoreClient, path: str, query: str, headers: Mapping[str, str], expected: type[Answer]
) -> Answer:
    answer = await store.get(path, query, headers)
    if answer.status != 200:
        raise unavailable(f"responded with HTTP {answer.status}")
    try:
        return msgspec.json.decode(answer.body, type=expected)
    except (msgspec.MsgspecError, RecursionError) as error:
        raise unavailable("sent an answer of another form") from error


def _sealed(record: _Record) -> SealedRecord:
    return SealedRecord(
        record.id, record.position, record.operation_run_id, record.previous_seal, record.seal, record.record
    )
