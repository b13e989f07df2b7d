"""README's commands do what it shows, its code is the code of the example, and its links lead somewhere."""

import re
from pathlib import Path

import pytest

from tests.docs.conftest import README, STOP, Reader, start_of
from tests.docs.console import Command, Ran, commands_of, fits
from tests.docs.tables import DOCS, ROOT

PAGES = sorted([*ROOT.glob("*.md"), *DOCS.rglob("*.md"), *ROOT.glob("services/*/README.md"), ROOT / "shared/README.md"])
HOW_TO = sorted((DOCS / "how-to").glob("*.md"))
EXAMPLE = ROOT / "tests/support/example_task_package"
# `make test` runs this very test.
SELF = "make test"


def disagreement(page: Path, command: Command, ran: Ran) -> str | None:
    """What a reader would stumble over, or None."""
    printed = "\n".join(ran.printed)
    if ran.exit_code != 0:
        return f"{page.name}:{command.line}: `{command.text}` ended with {ran.exit_code}:\n{printed}"
    if not fits(command.shown, ran.printed):
        shown = "\n".join(command.shown)
        return f"{page.name}:{command.line}: `{command.text}` printed:\n{printed}\nthe page shows:\n{shown}"
    return None


@pytest.mark.system
@pytest.mark.timeout(600)
def test_the_readmes_commands_do_what_it_shows(reader: Reader) -> None:
    commands = commands_of(README)
    begun = start_of(commands)
    before_the_stop = [one for one in commands if one not in begun and one.text not in (SELF, STOP)]
    # The demo comes last, so that the runs of the tour have the numbers that it shows.
    for command in sorted(before_the_stop, key=lambda one: one.text == "make demo"):
        reader.follow(command)

    disagreements = [one for one in (disagreement(README, *ran) for ran in reader.ran) if one]
    assert not disagreements, "\n\n".join(disagreements)


@pytest.mark.system
@pytest.mark.timeout(300)
@pytest.mark.parametrize("page", HOW_TO, ids=lambda page: page.stem)
def test_the_commands_of_a_how_to_do_what_it_shows(page: Path, reader: Reader) -> None:
    already = len(reader.ran)
    for command in commands_of(page):
        reader.follow(command)

    disagreements = [one for one in (disagreement(page, *ran) for ran in reader.ran[already:]) if one]
    assert not disagreements, "\n\n".join(disagreements)


def test_the_readme_shows_the_example_task_as_it_is() -> None:
    text = README.read_text(encoding="utf-8")
    (function,) = re.findall(r"```python\n(.*?)```", text, re.DOTALL)
    (entry_point,) = re.findall(r"```toml\n(.*?)```", text, re.DOTALL)

    assert function in (EXAMPLE / "src/example_tasks/domains.py").read_text(encoding="utf-8")
    assert entry_point in (EXAMPLE / "pyproject.toml").read_text(encoding="utf-8")


def test_the_readme_keeps_to_200_lines() -> None:
    assert len(README.read_text(encoding="utf-8").splitlines()) <= 200


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_every_link_of_a_page_leads_somewhere(page: Path) -> None:
    links = re.findall(r"\]\((?!https?:)([^)#]*)(#[^)]*)?\)", page.read_text(encoding="utf-8"))
    targets = [((page.parent / link).resolve() if link else page, anchor[1:]) for link, anchor in links]

    assert not [str(target) for target, _ in targets if not target.exists()]
    assert not [f"{target.name}#{anchor}" for target, anchor in targets if anchor and anchor not in anchors(target)]


def anchors(page: Path) -> set[str]:
    """What a link to a heading may name, as GitHub and others make it of the heading."""
    headings = re.findall(r"^#+ (.+)$", page.read_text(encoding="utf-8"), re.MULTILINE)
    return {re.sub(r"[^\w -]", "", heading.lower()).replace(" ", "-") for heading in headings}
