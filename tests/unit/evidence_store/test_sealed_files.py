"""Exported records are what was sealed, follow one another, and say what a report says about them."""

from typing import Any

import pytest

from evidence_store.domain.sealed_files import ExportedRecord, StatedFinding, verify_export
from evidence_store.domain.verification import Anchor
from tests.support.evidence_chains import TENANT, chain, result


def exported(*positions: int) -> list[ExportedRecord]:
    """Records of a chain of five."""
    rows, _ = chain([result(100 + number) for number in range(5)])
    wanted = [row for row in rows if row.position in positions]
    return [ExportedRecord(row.position, row.previous_seal, row.seal, row.record) for row in wanted]


def faults(records: list[ExportedRecord], *anchors: Anchor, findings: list[StatedFinding] | None = None) -> list[str]:
    return list(verify_export(records, findings or [], anchors, TENANT).faults)


def said(**fields: Any) -> list[StatedFinding]:
    """The statements of a report about the first record, whose evidence id is 1001."""
    return [StatedFinding(1001, {"status": "ok", "finished_at": "2026-11-24T09:30:00Z", **fields})]


def test_records_of_a_chain_have_no_fault_in_any_order() -> None:
    verdict = verify_export(exported(3, 1, 2, 5)[::-1], said(), [], TENANT)
    assert (verdict.faults, verdict.spans) == ([], [(1, 3), (5, 5)])


def test_an_edited_record_does_not_match_its_seal() -> None:
    (record,) = exported(1)
    edited = record._replace(record=record.record.replace(b'"ok"', b'"no"'))
    assert faults([edited]) == ["position 1: the record does not match its seal"]


def test_a_record_at_another_position_is_named() -> None:
    (record,) = exported(2)
    assert faults([record._replace(position=4)]) == ["position 4: the record was sealed at position 2"]


def test_a_record_of_another_tenant_is_named() -> None:
    assert list(verify_export(exported(1), [], [], 43).faults) == ["position 1: the record is of tenant 42, not of 43"]


def test_neighbours_of_two_chains_are_not_linked() -> None:
    rows, _ = chain([result(900), result(901)])
    other = ExportedRecord(2, rows[1].previous_seal, rows[1].seal, rows[1].record)
    assert faults([*exported(1), other]) == ["position 2: the previous seal is not the seal of position 1"]


def test_the_first_record_follows_nothing() -> None:
    rows, _ = chain([result(900)])
    later = ExportedRecord(1, bytes(31) + b"x", rows[0].seal, rows[0].record)
    assert "position 1: the previous seal is not the seal of position 0" in faults([later])


def test_a_position_is_there_once() -> None:
    assert faults([*exported(1), *exported(1)]) == ["position 1: there are two records"]


def test_bytes_that_are_no_json_are_named() -> None:
    assert "position 1: the record is not a JSON object" in faults([exported(1)[0]._replace(record=b"[]")])


def test_a_finding_that_says_something_else_is_named() -> None:
    assert faults(exported(1), findings=said(status="fail")) == ["evidence 1001: status is 'fail', but 'ok' was sealed"]


def test_times_may_be_written_with_fewer_digits() -> None:
    assert faults(exported(1), findings=said(finished_at="2026-11-24T09:30:00.000000Z")) == []
    assert len(faults(exported(1), findings=said(finished_at="2026-11-24T09:30:01Z"))) == 1


def test_a_finding_without_its_record_is_named() -> None:
    assert faults(exported(2), findings=said()) == ["evidence 1001: the file has no record of it"]


def test_a_file_without_records_proves_nothing() -> None:
    assert faults([]) == ["the file has no sealed records"]


def test_an_anchor_must_be_in_the_file_with_its_seal() -> None:
    records = exported(1, 2)
    assert faults(records, Anchor(2, records[1].seal)) == []
    assert faults(records, Anchor(2, bytes(32))) == ["position 2: the seal is not that of the anchor"]
    assert faults(records, Anchor(3, bytes(32))) == ["position 3: the file has no record to compare with the anchor"]


@pytest.mark.parametrize("position", [1, 2])
def test_a_finding_names_the_position_of_its_record(position: int) -> None:
    assert faults(exported(1), findings=said(position=position)) == [
        "evidence 1001: position is 2, but 1 was sealed" for _ in range(position - 1)
    ]
