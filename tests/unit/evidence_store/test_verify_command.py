"""The command that verifies a file offline: reports, single items, and what is neither."""

import argparse
import json
from pathlib import Path
from typing import Any

import pytest

from evidence_store.commands.verification import MAX_BYTES
from evidence_store.commands.verify import VERIFY
from onboarding_shared.service import CannotStart
from tests.support.evidence_chains import chain, result


def report(*statuses: str) -> dict[str, Any]:
    """A report of one finding for each status; the records have the status ok."""
    rows, _ = chain([result(100 + number) for number in range(len(statuses))])
    findings = [
        {
            "evidence_id": row.id,
            "run_id": row.run_id,
            "task_type": row.task_type,
            "status": status,
            "reason_code": row.reason_code,
            "message": "Two subscriptions",
            "position": row.position,
            "collected_at": "2026-11-24T09:30:00Z",
            "recorded_at": "2026-11-24T09:30:00Z",
        }
        for row, status in zip(rows, statuses, strict=True)
    ]
    records = [
        {
            "position": row.position,
            "previous_seal": row.previous_seal.hex(),
            "seal": row.seal.hex(),
            "record": row.record.decode(),
        }
        for row in rows
    ]
    return {"tenant_id": 42, "findings": findings, "records": records, "another_member": 1}


def item() -> dict[str, Any]:
    document = report("ok")
    (record,) = document["records"]
    return {**json.loads(record["record"]), **record}


def carry_out(folder: Path, content: Any, *options: str) -> None:
    file = folder / "report.json"
    file.write_text(content if isinstance(content, str) else json.dumps(content), encoding="utf-8")
    parser = argparse.ArgumentParser()
    VERIFY.add_arguments(parser)
    VERIFY.run(parser.parse_args([str(file), *options]))


def test_a_report_is_verified(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    carry_out(tmp_path, report("ok", "ok"))
    assert capsys.readouterr().out.splitlines() == [
        "Sealed records verified: 2, at the positions 1 to 2.",
        "Anchors found in the chain: none was given, so the records may have been sealed again together.",
    ]


def test_anchors_are_counted(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    document = report("ok", "ok")
    carry_out(tmp_path, document, "--anchor", f"2:{document['records'][1]['seal']}")
    assert capsys.readouterr().out.splitlines()[1] == "Anchors found in the chain: 1."


def test_a_changed_verdict_is_found(tmp_path: Path) -> None:
    with pytest.raises(CannotStart, match="evidence 1002: status is 'warn', but 'ok' was sealed"):
        carry_out(tmp_path, report("ok", "warn"))


def test_an_item_of_evidence_is_verified(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    carry_out(tmp_path, item())
    assert "verified: 1, at the positions 1." in capsys.readouterr().out
    with pytest.raises(CannotStart, match="status is 'fail'"):
        carry_out(tmp_path, {**item(), "status": "fail"})


@pytest.mark.parametrize("content", ["", "[]", "{}", '{"records": []}', "nonsense", "[" * 100_000])
def test_other_content_is_refused(tmp_path: Path, content: str) -> None:
    with pytest.raises(CannotStart, match="neither a report nor an item"):
        carry_out(tmp_path, content)


def test_a_file_that_is_too_large_is_refused(tmp_path: Path) -> None:
    with pytest.raises(CannotStart, match="more than 64 MiB"):
        carry_out(tmp_path, " " * (MAX_BYTES + 1))


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    parser = argparse.ArgumentParser()
    VERIFY.add_arguments(parser)
    with pytest.raises(CannotStart, match="No such file"):
        VERIFY.run(parser.parse_args([str(tmp_path / "nothing.json")]))


@pytest.mark.parametrize("anchor", ["1", "0:" + "0" * 64, "1:" + "0" * 63, "9999999999999999999:" + "0" * 64])
def test_an_anchor_has_position_and_seal(tmp_path: Path, anchor: str) -> None:
    with pytest.raises(SystemExit):
        carry_out(tmp_path, report("ok"), "--anchor", anchor)
