"""The page of a report: everything that it has to say, whole in one file, and no text as markup."""

import html
import re
from base64 import b64encode
from hashlib import sha256
from html.parser import HTMLParser

import pytest

from session_api.routes.report_html import HEADERS, POLICY, STYLES, report_html, segments_of
from tests.unit.session_api.report_examples import example, finding, gap, moment


class Read(HTMLParser):
    """The tags, their attributes, and the text of a page."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.attributes: set[str] = set()
        self.text = ""
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.attributes |= {name for name, _ in attrs}

    def handle_data(self, data: str) -> None:
        self.text += data


@pytest.fixture
def page() -> str:
    return report_html(example())


@pytest.mark.parametrize(
    "said",
    [
        "Contoso",
        "3f2504e0-4f89-41d3-9a0c-0305e82c3301",
        "3, completed, step 5 of 5",
        "Licences",
        "The tenant has 25 licences with Microsoft Entra ID P2.",
        "LICENSE_P2",
        "205, position 1, run 17",
        "9f86d081" * 8,
        "2026-11-24 09:30 UTC, counts until 2026-11-25 09:30 UTC",
        "Global Administrators",
        "This task has not been run yet.",
        "Start the task.",
        "1 records, each sealed after the one before",
        "evidence-store verify FILE",
    ],
)
def test_the_page_says(page: str, said: str) -> None:
    assert said in re.sub(r"\s+", " ", Read(page).text)


def test_nothing_is_inline_but_the_styles_of_the_policy(page: str) -> None:
    read = Read(page)
    assert {"script", "iframe", "object", "form", "base"} & set(read.tags) == set()
    assert [name for name in read.attributes if name == "style" or name.startswith("on")] == []
    (styles,) = re.findall("<style>(.*?)</style>", page, re.DOTALL)
    allowed = b64encode(sha256(styles.encode()).digest()).decode()
    assert HEADERS["Content-Security-Policy"].startswith(f"default-src 'none'; style-src 'sha256-{allowed}';")


def test_a_saved_page_has_its_policy_and_loads_nothing(page: str) -> None:
    assert html.escape(POLICY) in page.replace("&#39;", "&#x27;")
    assert re.findall(r'(?:src|href)="(?!data:,|https://learn\.microsoft\.com/)', page) == []


def test_styles_load_nothing() -> None:
    assert "url(" not in STYLES
    assert "@import" not in STYLES


def test_no_text_becomes_markup() -> None:
    report = example()
    evil = '"><script>alert(1)</script>'
    report.customer.display_name = evil
    report.findings = [finding(message=evil, title=evil, description=evil, task_type=evil)]
    report.not_checked = [gap(message=evil, title=evil)]
    assert "script" not in Read(report_html(report)).tags


def test_the_verdicts_are_a_picture_and_a_table(page: str) -> None:
    assert '<title id="bar-title">1 Ok, 1 Not checked</title>' in page
    assert re.findall(r'<td class="number">(\d+)</td>', page) == ["0", "0", "0", "1", "1"]
    assert page.count("<rect") == 2


def test_segments_fill_the_bar_without_gaps() -> None:
    segments = segments_of([("fail", 1), ("warn", 0), ("unknown", 3), ("ok", 7), ("not_checked", 2)])
    assert [segment.name for segment in segments] == ["fail", "unknown", "ok", "not_checked"]
    assert segments[0].x == 0
    assert [segment.x + segment.width for segment in segments] == [*(segment.x for segment in segments[1:]), 880]


def test_without_tasks_there_is_no_bar() -> None:
    empty = example(
        findings=[], not_checked=[], counts=dict.fromkeys(("ok", "warn", "fail", "unknown", "not_checked"), 0)
    )
    text = Read(report_html(empty)).text
    assert segments_of([("ok", 0)]) == []
    assert "There is no finding." in text
    assert "Every task was checked." in text


@pytest.mark.parametrize(
    ("chain", "said"),
    [
        ({"verified": None, "length": None, "head": None, "break": None}, "The chain of evidence was not verified."),
        (
            {
                "verified": False,
                "length": 4,
                "head": "a" * 64,
                "break": {"position": 5, "evidence_id": None, "kind": "tail_cut", "detail": "Records are missing."},
            },
            "The chain of evidence is broken at position 5: Records are missing.",
        ),
    ],
)
def test_a_chain_that_is_not_whole_is_said_first(chain: dict[str, object], said: str) -> None:
    text = re.sub(r"\s+", " ", Read(report_html(example(chain=chain))).text)
    assert said in text.partition("Verdicts")[0]
    assert "Verified when this report was made" not in text


def test_a_result_that_is_over_is_marked() -> None:
    report = example(generated_at=moment(10).isoformat())
    report.findings = [finding(expires_at=moment(9))]
    assert "(over when this report was made)" in report_html(report)
