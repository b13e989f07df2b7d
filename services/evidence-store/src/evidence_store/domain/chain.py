"""The hash chain of a tenant.

``seal = SHA-256(previous seal || record)``: the 32 bytes of the previous seal, then the stored bytes of the record.
The record is JSON. Verification hashes the stored bytes and never encodes the record again.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime
from hashlib import sha256
from typing import Any, NamedTuple

import msgspec

from onboarding_shared.contracts.cloudevents import rfc3339
from onboarding_shared.contracts.task_runner import RunFinished

GENESIS = bytes(32)
"""The previous seal of the first record of every chain: 32 zero bytes."""

FORMAT = 1
"""The format version in every sealed record. A chain can contain records of several versions."""

_encoder = msgspec.json.Encoder(order="sorted")
_decoder = msgspec.json.Decoder(dict[str, Any])


class Head(NamedTuple):
    """The head of a chain: the number of its records, and the seal of the last one."""

    length: int
    seal: bytes


EMPTY = Head(0, GENESIS)


class StoredEvidence(NamedTuple):
    """One row of the evidence table: the sealed record, and the fields of it that queries filter by."""

    id: int
    tenant_id: int
    position: int
    run_id: int
    task_type: str
    status: str
    reason_code: str
    session_id: int | None
    recorded_at: datetime
    record: bytes
    previous_seal: bytes
    seal: bytes


def seal_of(previous_seal: bytes, record: bytes) -> bytes:
    """Return the 32-byte seal of a record whose predecessor has the seal ``previous_seal``."""
    return sha256(previous_seal + record).digest()


def extend(
    heads: Mapping[int, Head], results: Sequence[RunFinished], ids: Sequence[int], recorded_at: datetime
) -> tuple[list[StoredEvidence], dict[int, Head]]:
    """Append the results, in order, to the chains of their tenants. Return the new rows and the new heads.

    ``heads`` contains the head of every tenant's chain, ``ids`` one evidence id per result.
    """
    new_heads: dict[int, Head] = {}
    recorded_text = rfc3339(recorded_at)
    rows: list[StoredEvidence] = []
    for result, evidence_id in zip(results, ids, strict=True):
        tenant_id = result.tenant_id
        head = new_heads.get(tenant_id) or heads[tenant_id]
        record = _encoder.encode(_fields(result, evidence_id, head.length + 1, recorded_text))
        row = _sealed(head, result, evidence_id, recorded_at, record)
        new_heads[tenant_id] = Head(row.position, row.seal)
        rows.append(row)
    return rows, new_heads


def read_record(record: bytes) -> dict[str, Any]:
    """Return the fields of a sealed record. Raise ``ValueError`` if the bytes are not a JSON object."""
    try:
        return _decoder.decode(record)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise ValueError(f"The bytes are not a JSON object: {error}") from error


def _sealed(head: Head, result: RunFinished, evidence_id: int, recorded_at: datetime, record: bytes) -> StoredEvidence:
    return StoredEvidence(
        id=evidence_id,
        tenant_id=result.tenant_id,
        position=head.length + 1,
        run_id=result.run_id,
        task_type=result.task_type,
        status=str(result.status),
        reason_code=result.reason_code,
        session_id=result.session_id,
        recorded_at=recorded_at,
        record=record,
        previous_seal=head.seal,
        seal=seal_of(head.seal, record),
    )


def _fields(result: RunFinished, evidence_id: int, position: int, recorded_at: str) -> dict[str, Any]:
    """Return the fields to seal; those of the public API have its member names."""
    return {
        "format": FORMAT,
        "id": evidence_id,
        "tenant_id": result.tenant_id,
        "position": position,
        "onboarding_session_id": result.session_id,
        "provider_connection_id": result.provider_connection_id,
        "task_type": result.task_type,
        "status": result.status,
        "reason_code": result.reason_code,
        "message": result.message,
        "payload": result.payload,
        "operation_run_id": result.run_id,
        "run_state": result.state,
        "attempt": result.attempt,
        "started_at": None if result.started_at is None else rfc3339(result.started_at),
        "finished_at": rfc3339(result.finished_at),
        "recorded_at": recorded_at,
    }
