"""ARCHITECTURE.md names tests, tables, dependencies and states that exist; its tables are complete."""

import re
import tomllib

import pytest
from sqlalchemy import MetaData

import evidence_store.store.tables as evidence_tables
import session_api.store.tables as session_tables
import task_runner.store.tables as runner_tables
from onboarding_shared.contracts.run_states import TRANSITIONS
from tests.docs.tables import ROOT, rows, words

PAGE = ROOT / "ARCHITECTURE.md"
MEMBERS = (
    "shared",
    "devstack",
    "emulator",
    "services/session-api",
    "services/task-runner",
    "services/evidence-store",
    "testing",
)
METADATA = {
    "session-api": session_tables.METADATA,
    "task-runner": runner_tables.metadata,
    "evidence-store": evidence_tables.metadata,
}


def tables_of(service: str) -> set[str]:
    return {table for row in rows(PAGE, "Tables") if row[0] == service for table in words(row[1])}


def test_every_test_that_is_named_exists() -> None:
    named = set(re.findall(r"`(test_\w+)`", PAGE.read_text(encoding="utf-8")))
    sources = (file.read_text(encoding="utf-8") for file in (ROOT / "tests").rglob("test_*.py"))
    defined = {name for text in sources for name in re.findall(r"def (test_\w+)", text)}

    assert named
    assert not named - defined


@pytest.mark.parametrize("service", METADATA)
def test_the_architecture_page_has_every_table(service: str) -> None:
    metadata: MetaData = METADATA[service]

    assert tables_of(service) | tables_of("each") == set(metadata.tables)


def test_the_architecture_page_has_every_dependency() -> None:
    declared: set[str] = set()
    for member in MEMBERS:
        project = tomllib.loads((ROOT / member / "pyproject.toml").read_text(encoding="utf-8"))["project"]
        wanted = [
            *project["dependencies"],
            *(one for extra in project.get("optional-dependencies", {}).values() for one in extra),
        ]
        declared |= {match.group() for one in wanted if (match := re.match(r"[a-z0-9-]+", one))}
    documented = [name for row in rows(PAGE, "Dependencies") for name in words(row[0])]

    assert sorted(documented) == sorted(name for name in declared if not name.startswith("onboarding-"))


def test_every_arrow_of_the_diagram_is_a_transition() -> None:
    text = PAGE.read_text(encoding="utf-8").partition("stateDiagram-v2")[2].partition("```")[0]
    arrows = set(re.findall(r"^ +(\w+) --> (\w+)", text, re.MULTILINE))

    assert arrows
    assert not arrows - {(state.value, target.value) for (state, _), target in TRANSITIONS.items()}


def test_every_record_of_a_decision_is_listed_and_short() -> None:
    folder = ROOT / "docs/decisions"
    records = sorted(folder.glob("[0-9]*.md"))
    listed = re.findall(r"\]\((\d{4}-[\w-]+\.md)\)", (folder / "README.md").read_text(encoding="utf-8"))

    assert listed == [record.name for record in records]
    for record in records:
        text = record.read_text(encoding="utf-8")
        assert len(text.splitlines()) <= 40, record.name
        assert re.findall(r"^## (\w+)", text, re.MULTILINE) == ["Context", "Decision", "Consequence"], record.name
