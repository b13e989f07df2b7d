"""The command ``evidence-store verify``: reads a file, verifies it, and prints the result."""

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any

import msgspec
from msgspec import Meta, Struct

from evidence_store.domain.sealed_files import ExportedRecord, FileVerdict, StatedFinding, verify_export
from evidence_store.domain.verification import Anchor
from onboarding_shared.contracts.types import Id
from onboarding_shared.service import CannotStart

MAX_BYTES = 64 * 1024 * 1024

Seal = Annotated[str, Meta(pattern=r"^[0-9a-f]{64}\Z")]


class _Record(Struct):
    position: Id
    previous_seal: Seal
    seal: Seal
    record: str


class _Item(_Record):
    """An item of evidence, as ``GET …/evidence/{id}`` answers it; its fields are those of the record."""

    id: Id
    tenant_id: Id
    task_type: str
    status: str
    reason_code: str
    message: str | None
    operation_run_id: Id
    recorded_at: str
    finished_at: str


class _Finding(Struct):
    evidence_id: Id
    run_id: Id
    task_type: str
    status: str
    reason_code: str
    message: str | None
    position: Id
    collected_at: str
    recorded_at: str


class _Report(Struct):
    tenant_id: Id
    findings: list[_Finding]
    records: list[_Record]


def carry_out(name: str, anchors: Sequence[Anchor]) -> None:
    """Print what is verified in the file. Raises ``CannotStart`` with all faults."""
    verdict = verify(_read(name), anchors)
    if verdict.faults:
        raise CannotStart("\n".join(verdict.faults))
    for line in told(verdict, anchors):
        print(line)


def verify(content: bytes, anchors: Sequence[Anchor]) -> FileVerdict:
    """Verify the content of a file. Raises ``CannotStart`` if it is neither a report nor an item."""
    try:
        members = msgspec.json.decode(content, type=dict[str, msgspec.Raw])
        if "record" in members:
            item = msgspec.json.decode(content, type=_Item)
            return verify_export([_exported(item)], [_stated_by_item(item)], anchors, item.tenant_id)
        report = msgspec.json.decode(content, type=_Report)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
        raise CannotStart(f"the file is neither a report nor an item of evidence: {error}") from error
    findings = [_stated_by_report(finding) for finding in report.findings]
    return verify_export([_exported(record) for record in report.records], findings, anchors, report.tenant_id)


def told(verdict: FileVerdict, anchors: Sequence[Anchor]) -> list[str]:
    """Return the lines about a file without faults."""
    count = sum(last - first + 1 for first, last in verdict.spans)
    spans = ", ".join(str(first) if first == last else f"{first} to {last}" for first, last in verdict.spans)
    without = "none was given, so the records may have been sealed again together"
    return [
        f"Sealed records verified: {count}, at the positions {spans}.",
        f"Anchors found in the chain: {len(anchors) if anchors else without}.",
    ]


def _read(name: str) -> bytes:
    try:
        if name == "-":
            content = sys.stdin.buffer.read(MAX_BYTES + 1)
        else:
            with Path(name).open("rb") as file:
                content = file.read(MAX_BYTES + 1)
    except OSError as error:
        raise CannotStart(f"{name} cannot be read: {error.strerror or error}") from error
    if len(content) > MAX_BYTES:
        raise CannotStart(f"{name} has more than {MAX_BYTES // 1024 // 1024} MiB")
    return content


def _exported(record: _Record) -> ExportedRecord:
    previous_seal, seal = bytes.fromhex(record.previous_seal), bytes.fromhex(record.seal)
    return ExportedRecord(record.position, previous_seal, seal, record.record.encode())


def _stated_by_item(item: _Item) -> StatedFinding:
    names = ("task_type", "status", "reason_code", "message", "operation_run_id", "recorded_at", "finished_at")
    return StatedFinding(item.id, {name: getattr(item, name) for name in names})


def _stated_by_report(finding: _Finding) -> StatedFinding:
    fields: dict[str, Any] = {
        "task_type": finding.task_type,
        "status": finding.status,
        "reason_code": finding.reason_code,
        "message": finding.message,
        "position": finding.position,
        "operation_run_id": finding.run_id,
        "recorded_at": finding.recorded_at,
        "finished_at": finding.collected_at,
    }
    return StatedFinding(finding.evidence_id, fields)
