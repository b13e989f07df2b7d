"""Verification of exported records, without the database.

It shows that each record is what was sealed, and that what a report says is what its records say. Whoever can write all
records can seal them again: only an anchor that is stored elsewhere shows that this has not happened.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any, NamedTuple

from evidence_store.domain.chain import GENESIS, read_record, seal_of
from evidence_store.domain.verification import Anchor


class ExportedRecord(NamedTuple):
    """A sealed record as it was exported."""

    position: int
    previous_seal: bytes
    seal: bytes
    record: bytes


class StatedFinding(NamedTuple):
    """The statements of a report about the record ``evidence_id``, by the names of the record's fields."""

    evidence_id: int
    fields: Mapping[str, Any]


class FileVerdict(NamedTuple):
    """The positions of the records that are verified, as spans in which each follows the one before; and all faults."""

    spans: Sequence[tuple[int, int]]
    faults: Sequence[str]


def verify_export(
    records: Sequence[ExportedRecord], findings: Sequence[StatedFinding], anchors: Iterable[Anchor], tenant_id: int
) -> FileVerdict:
    """Verify records of one tenant, what is said about them, and anchors. Without records there is a fault."""
    ordered = sorted(records, key=lambda exported: exported.position)
    sealed, faults = _read_all(ordered, tenant_id)
    faults += _broken_links(ordered)
    faults += [fault for finding in findings for fault in _differences(finding, sealed)]
    faults += _missed_anchors(ordered, anchors)
    if not ordered:
        faults.append("the file has no sealed records")
    return FileVerdict(_spans(ordered), faults)


def _read_all(ordered: Sequence[ExportedRecord], tenant_id: int) -> tuple[dict[int, dict[str, Any]], list[str]]:
    """Return the fields of the records by evidence id, and the faults of single records."""
    sealed: dict[int, dict[str, Any]] = {}
    faults: list[str] = []
    for exported in ordered:
        place = f"position {exported.position}"
        if seal_of(exported.previous_seal, exported.record) != exported.seal:
            faults.append(f"{place}: the record does not match its seal")
        try:
            fields = read_record(exported.record)
        except ValueError:
            faults.append(f"{place}: the record is not a JSON object")
            continue
        if fields.get("position") != exported.position:
            faults.append(f"{place}: the record was sealed at position {fields.get('position')}")
        if fields.get("tenant_id") != tenant_id:
            faults.append(f"{place}: the record is of tenant {fields.get('tenant_id')}, not of {tenant_id}")
        if isinstance(evidence_id := fields.get("id"), int):
            sealed[evidence_id] = fields
    return sealed, faults


def _broken_links(ordered: Sequence[ExportedRecord]) -> Iterator[str]:
    before = ExportedRecord(0, b"", GENESIS, b"")
    for exported in ordered:
        if exported.position == before.position:
            yield f"position {exported.position}: there are two records"
        elif exported.position == before.position + 1 and exported.previous_seal != before.seal:
            yield f"position {exported.position}: the previous seal is not the seal of position {before.position}"
        before = exported


def _differences(finding: StatedFinding, sealed: Mapping[int, Mapping[str, Any]]) -> Iterator[str]:
    record = sealed.get(finding.evidence_id)
    if record is None:
        yield f"evidence {finding.evidence_id}: the file has no record of it"
        return
    for name, stated in finding.fields.items():
        if _value(stated) != _value(record.get(name)):
            yield f"evidence {finding.evidence_id}: {name} is {stated!r}, but {record.get(name)!r} was sealed"


def _value(value: Any) -> Any:
    """Times are compared as times, because they may be written with more or fewer digits."""
    if isinstance(value, str) and value.endswith("Z"):
        try:
            return datetime.fromisoformat(value)
        except ValueError:
            return value
    return value


def _missed_anchors(ordered: Sequence[ExportedRecord], anchors: Iterable[Anchor]) -> Iterator[str]:
    seals = {exported.position: exported.seal for exported in ordered}
    for anchor in anchors:
        seal = seals.get(anchor.position)
        if seal is None:
            yield f"position {anchor.position}: the file has no record to compare with the anchor"
        elif seal != anchor.seal:
            yield f"position {anchor.position}: the seal is not that of the anchor"


def _spans(ordered: Sequence[ExportedRecord]) -> list[tuple[int, int]]:
    spans: list[tuple[int, int]] = []
    for exported in ordered:
        if spans and exported.position == spans[-1][1] + 1:
            spans[-1] = (spans[-1][0], exported.position)
        else:
            spans.append((exported.position, exported.position))
    return spans
