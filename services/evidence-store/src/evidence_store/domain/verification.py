"""Verification of a tenant's chain, from its first record to its first break.

A chain alone does not show that its last records were deleted together with its head, or that all of it was sealed
again. An ``Anchor`` shows both: an earlier position and seal, stored elsewhere. Every ``EvidenceRecorded`` event
contains one.
"""

from collections.abc import Iterable
from enum import StrEnum
from typing import Any, NamedTuple

from evidence_store.domain.chain import EMPTY, Head, StoredEvidence, read_record, seal_of
from onboarding_shared.contracts.cloudevents import rfc3339


class BreakKind(StrEnum):
    """Kinds of breaks of a chain."""

    RECORD_EDITED = "record_edited"
    COLUMN_DIFFERS = "column_differs"
    POSITION_MISSING = "position_missing"
    REORDERED = "reordered"
    LINK_BROKEN = "link_broken"
    TAIL_CUT = "tail_cut"
    BEYOND_HEAD = "beyond_head"
    HEAD_DIFFERS = "head_differs"
    HEAD_MISSING = "head_missing"
    ANCHOR_DIFFERS = "anchor_differs"


class Break(NamedTuple):
    """The first break of a chain; ``evidence_id`` is None if no row exists at the position."""

    position: int
    evidence_id: int | None
    kind: BreakKind
    detail: str


class Anchor(NamedTuple):
    """An earlier head of the chain, stored elsewhere: ``seal`` at ``position`` (0 = empty chain)."""

    position: int
    seal: bytes


class ChainVerdict(NamedTuple):
    """Length and last seal of the intact part of a chain, and the break after it, if any."""

    length: int
    seal: bytes
    broken: Break | None


class ChainReader:
    """Verifies the rows of one tenant page by page, in the order of their positions, then the stored head."""

    def __init__(self, tenant_id: int, anchor: Anchor | None = None) -> None:
        self._tenant_id = tenant_id
        self._anchor = anchor
        self._reached = EMPTY
        self._break = self._anchor_break()

    @property
    def broken(self) -> bool:
        """True if a break was found; the remaining rows need not be read."""
        return self._break is not None

    def read(self, rows: Iterable[StoredEvidence]) -> None:
        """Check the next rows, up to the first break."""
        if self._break is not None:
            return
        for row in rows:
            self._break = self._row_break(row)
            if self._break is not None:
                return
            self._reached = Head(row.position, row.seal)
            self._break = self._anchor_break()
            if self._break is not None:
                return

    def finish(self, head: Head | None) -> ChainVerdict:
        """Return the verdict after all rows were read; ``head`` is the stored head, None if there is none."""
        chain_break = self._break or self._end_break(head)
        return ChainVerdict(self._reached.length, self._reached.seal, chain_break)

    def _row_break(self, row: StoredEvidence) -> Break | None:
        expected = self._reached.length + 1
        if row.position > expected:
            return Break(expected, None, BreakKind.POSITION_MISSING, f"The next record has position {row.position}.")
        if row.position < expected:
            return _at(row, BreakKind.REORDERED, f"Expected a record with position {expected}.")
        if seal_of(row.previous_seal, row.record) != row.seal:
            return _at(row, BreakKind.RECORD_EDITED, "The stored record does not match its seal.")
        try:
            sealed = read_record(row.record)
        except ValueError:
            return _at(row, BreakKind.RECORD_EDITED, "The stored record is not a JSON object.")
        if sealed.get("position") != row.position:
            return _at(row, BreakKind.REORDERED, f"The record was sealed at position {sealed.get('position')}.")
        if row.previous_seal != self._reached.seal:
            return _at(
                row, BreakKind.LINK_BROKEN, "The previous seal of the record is not the seal of its predecessor."
            )
        return self._column_break(row, sealed)

    def _column_break(self, row: StoredEvidence, sealed: dict[str, Any]) -> Break | None:
        for column, name, value in (
            ("tenant_id", "tenant_id", row.tenant_id),
            ("id", "id", row.id),
            ("run_id", "operation_run_id", row.run_id),
            ("task_type", "task_type", row.task_type),
            ("status", "status", row.status),
            ("reason_code", "reason_code", row.reason_code),
            ("session_id", "onboarding_session_id", row.session_id),
            ("recorded_at", "recorded_at", rfc3339(row.recorded_at)),
        ):
            if name not in sealed or sealed[name] != value:
                return _at(row, BreakKind.COLUMN_DIFFERS, f"The column {column} differs from the sealed field {name}.")
        if row.tenant_id != self._tenant_id:
            return _at(row, BreakKind.COLUMN_DIFFERS, "The record belongs to another tenant.")
        return None

    def _anchor_break(self) -> Break | None:
        anchor = self._anchor
        if anchor is None or anchor.position != self._reached.length or anchor.seal == self._reached.seal:
            return None
        detail = "The seal at this position differs from the expected seal."
        return Break(anchor.position, None, BreakKind.ANCHOR_DIFFERS, detail)

    def _end_break(self, head: Head | None) -> Break | None:
        reached = self._reached
        if head is None and reached.length > 0:
            return Break(reached.length, None, BreakKind.HEAD_MISSING, "The chain has records but no stored head.")
        stored = head or EMPTY
        if stored.length > reached.length:
            detail = f"The stored head has length {stored.length}, but the chain has {reached.length} records."
            return Break(reached.length + 1, None, BreakKind.TAIL_CUT, detail)
        if stored.length < reached.length:
            detail = f"The stored head has length {stored.length}, but the chain has {reached.length} records."
            return Break(stored.length + 1, None, BreakKind.BEYOND_HEAD, detail)
        if stored.seal != reached.seal:
            return Break(
                reached.length, None, BreakKind.HEAD_DIFFERS, "The stored head has another seal than the last record."
            )
        if self._anchor is not None and self._anchor.position > reached.length:
            detail = f"Expected at least {self._anchor.position} records, found {reached.length}."
            return Break(reached.length + 1, None, BreakKind.TAIL_CUT, detail)
        return None


def _at(row: StoredEvidence, kind: BreakKind, detail: str) -> Break:
    return Break(row.position, row.id, kind, detail)
