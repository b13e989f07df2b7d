"""The commands of the pages do what they show, their code is that of the example, and their links have targets."""

import re
from pathlib import Path

import pytest

from tests.docs.conftest import TUTORIAL, Reader, parts_of
from tests.docs.console import commands_of
from tests.docs.tables import DOCS, ROOT

PAGES = sorted([*ROOT.glob("*.md"), *DOCS.rglob("*.md"), *ROOT.glob("services/*/README.md"), ROOT / "shared/README.md"])
CONCEPTS = sorted((DOCS / "concepts").glob("*.md"))
WITH_COMMANDS = [*CONCEPTS, *sorted((DOCS / "how-to").glob("*.md"))]
EXAMPLE = ROOT / "tests/support/example_task_package"


@pytest.mark.system
@pytest.mark.timeout(600)
def test_the_tutorials_commands_do_what_it_shows(reader: Reader) -> None:
    _, commands, _ = parts_of(commands_of(TUTORIAL))

    differences = reader.differences(TUTORIAL, commands)
    assert not differences, differences


@pytest.mark.system
@pytest.mark.timeout(300)
@pytest.mark.parametrize("page", WITH_COMMANDS, ids=lambda page: page.stem)
def test_the_commands_of_a_page_do_what_it_shows(page: Path, reader: Reader) -> None:
    differences = reader.differences(page, commands_of(page))
    assert not differences, differences


def test_the_tutorial_shows_the_example_task_as_it_is() -> None:
    text = TUTORIAL.read_text(encoding="utf-8")
    (function,) = re.findall(r"```python src/example_tasks/domains.py\n(.*?)```", text, re.DOTALL)
    (entry_point,) = re.findall(r"(\[project\.entry-points.*?)\n\n", text, re.DOTALL)

    assert function in (EXAMPLE / "src/example_tasks/domains.py").read_text(encoding="utf-8")
    assert entry_point in (EXAMPLE / "pyproject.toml").read_text(encoding="utf-8")


@pytest.mark.parametrize("page", CONCEPTS, ids=lambda page: page.stem)
def test_a_concept_has_definition_reason_example_and_limits(page: Path) -> None:
    lines = page.read_text(encoding="utf-8").splitlines()
    headings = [line for line in lines if line.startswith("## ")]

    assert lines[0].startswith("# ")
    assert {"## Why", "## Example", "## Limits"} <= set(headings)
    assert 40 <= len(lines) <= 90


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_every_link_of_a_page_has_a_target(page: Path) -> None:
    links = re.findall(r"\]\((?!https?:)([^)#]*)(#[^)]*)?\)", page.read_text(encoding="utf-8"))
    targets = [((page.parent / link).resolve() if link else page, anchor[1:]) for link, anchor in links]

    assert not [str(target) for target, _ in targets if not target.exists()]
    assert not [f"{target.name}#{anchor}" for target, anchor in targets if anchor and anchor not in anchors(target)]


def anchors(page: Path) -> set[str]:
    """The anchors of a page's headings, as GitHub makes them."""
    headings = re.findall(r"^#+ (.+)$", page.read_text(encoding="utf-8"), re.MULTILINE)
    return {re.sub(r"[^\w -]", "", heading.lower()).replace(" ", "-") for heading in headings}
