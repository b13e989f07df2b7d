"""Sealed records of evidence-store, as a report needs them: their fields, if the record is what was sealed."""

from datetime import datetime
from hashlib import sha256
from typing import NamedTuple

import msgspec
from msgspec import Struct

from onboarding_shared.contracts.types import CheckStatus


class SealedRecord(NamedTuple):
    """A record, its seal and the seal before it, both as 64 hexadecimal digits."""

    id: int
    position: int
    run_id: int
    previous_seal: str
    seal: str
    record: str


class SealedFields(Struct, frozen=True):
    """The fields of a record that a report repeats."""

    id: int
    tenant_id: int
    position: int
    operation_run_id: int
    task_type: str
    status: CheckStatus
    reason_code: str
    message: str | None
    recorded_at: datetime
    finished_at: datetime


_decode = msgspec.json.Decoder(SealedFields).decode


def read_sealed(record: SealedRecord) -> SealedFields | None:
    """Return the fields of a record; None if its bytes do not match the seal or are no record."""
    try:
        previous_seal = bytes.fromhex(record.previous_seal)
        fields = _decode(record.record)
    except (ValueError, msgspec.MsgspecError, RecursionError):
        return None
    matches = sha256(previous_seal + record.record.encode()).hexdigest() == record.seal
    return fields if matches and (fields.id, fields.position) == (record.id, record.position) else None
