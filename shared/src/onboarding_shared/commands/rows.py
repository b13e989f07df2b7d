"""Rows on standard output: a table on a terminal, a JSON object on each line in a pipe."""

import sys
from collections.abc import Mapping, Sequence
from typing import Any, TextIO

import msgspec

from onboarding_shared.contracts.types import made_visible


def print_rows(rows: Sequence[Mapping[str, Any]], out: TextIO | None = None) -> None:
    """Print rows, whose members may differ. Without rows a pipe gets nothing."""
    out = sys.stdout if out is None else out
    if out.isatty():
        out.writelines(f"{line}\n" for line in table(rows))
        return
    out.writelines(f"{msgspec.json.encode(row).decode()}\n" for row in rows)


def table(rows: Sequence[Mapping[str, Any]]) -> list[str]:
    """The rows under their names, in columns."""
    if not rows:
        return ["none"]
    names = list(dict.fromkeys(name for row in rows for name in row))
    cells = [[name.replace("_", " ") for name in names], *([_text(row.get(name)) for name in names] for row in rows)]
    widths = [max(map(len, column)) for column in zip(*cells, strict=True)]
    return ["  ".join(text.ljust(width) for text, width in zip(line, widths, strict=True)).rstrip() for line in cells]


def _text(value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, Mapping):
        return ", ".join(f"{name} {part}" for name, part in value.items())
    return made_visible(str(value))
