"""The table of a report: a row for each task, and no cell that a spreadsheet would calculate."""

import csv
import io

import pytest

from session_api.routes.csv_text import csv_text
from session_api.routes.report_csv import COLUMNS, report_csv
from tests.unit.session_api.report_examples import example, finding, gap


def rows(text: str) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(text, newline="")))


def test_each_task_has_a_row() -> None:
    checked, unchecked = rows(report_csv(example()))
    assert (checked["task_type"], checked["status"], checked["evidence_id"]) == ("license.inventory", "ok", "205")
    assert (checked["required"], checked["collected_at"]) == ("yes", "2026-11-24T09:30:01.000000Z")
    assert (unchecked["task_type"], unchecked["status"]) == ("identity.global_admins", "not_checked")
    assert (unchecked["required"], unchecked["reason_code"], unchecked["seal"]) == ("no", "NEVER_RUN", "")


def test_every_row_has_every_column() -> None:
    table = list(csv.reader(io.StringIO(report_csv(example(findings=[], not_checked=[])), newline="")))
    assert table == [list(COLUMNS)]
    assert {len(row) for row in csv.reader(io.StringIO(report_csv(example())))} == {len(COLUMNS)}


@pytest.mark.parametrize(
    "text", ["=1+1", "+1", "-1", "@SUM(A1)", "\t=1", "\r=1", "\n=1", "  =1", "＝1", "=cmd|' /C calc'!A0"]
)
def test_a_cell_that_begins_as_a_formula_is_text(text: str) -> None:
    assert csv_text(["name"], [[text]]).split("\r\n", 1)[1].lstrip('"').startswith("'")


def test_texts_of_customers_and_authors_are_guarded() -> None:
    report = example()
    report.customer.display_name = "=HYPERLINK(1)"
    report.findings = [finding(message="@x", title="-x")]
    report.not_checked = [gap(message="+x")]
    checked, unchecked = rows(report_csv(report))
    assert (checked["customer"], checked["message"], checked["title"]) == ("'=HYPERLINK(1)", "'@x", "'-x")
    assert unchecked["message"] == "'+x"


def test_commas_quotes_and_lines_stay_in_their_cell() -> None:
    assert list(csv.reader(io.StringIO(csv_text(["a", "b"], [['x, "y"', "1\n2"]]), newline="")))[1] == [
        'x, "y"',
        "1\n2",
    ]


def test_numbers_and_missing_values_are_plain() -> None:
    assert csv_text(["a", "b", "c"], [[-5, None, True]]) == "a,b,c\r\n-5,,yes\r\n"
