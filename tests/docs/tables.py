"""Read the tables of a Markdown page."""

import re
from pathlib import Path

ROOT = Path(__file__).parents[2]
DOCS = ROOT / "docs"


def rows(page: Path, heading: str | None = None) -> list[list[str]]:
    """The cells of every table row of a page, or of the section under ``heading``; header rows are left out."""
    found: list[list[str]] = []
    inside = heading is None
    lines = page.read_text(encoding="utf-8").splitlines()
    for line, following in zip(lines, [*lines[1:], ""], strict=True):
        if line.startswith("#"):
            inside = heading is None or line.strip("# ") == heading
        if inside and line.startswith("|") and not line.startswith("|---") and not following.startswith("|---"):
            found.append([cell.strip() for cell in line.strip("|").split("|")])
    return found


def words(cell: str) -> list[str]:
    """The texts of a cell that are in backticks."""
    return re.findall(r"`([^`]+)`", cell)


def first_words(page: Path, heading: str | None = None) -> list[str]:
    """The first word in backticks of each row's first cell."""
    return [words(row[0])[0] for row in rows(page, heading) if words(row[0])]
