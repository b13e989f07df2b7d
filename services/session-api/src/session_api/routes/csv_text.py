"""CSV (RFC 4180) that a spreadsheet shows as text: no cell begins as a formula does."""

import csv
import io
from collections.abc import Iterable, Sequence
from datetime import datetime

from onboarding_shared.contracts.cloudevents import rfc3339

MEDIA_TYPE = "text/csv"
_FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n", "＝", "＋", "－", "＠")
"""The beginnings of cells that spreadsheets take for formulas, also in their full-width forms."""

Cell = str | int | bool | datetime | None


def csv_text(columns: Sequence[str], rows: Iterable[Sequence[Cell]]) -> str:
    """Return a table with a row of names."""
    return csv_lines([columns, *rows])


def csv_lines(rows: Iterable[Sequence[Cell]]) -> str:
    """Return rows of a table."""
    out = io.StringIO()
    writer = csv.writer(out, quoting=csv.QUOTE_MINIMAL, lineterminator="\r\n")
    writer.writerows([_text(cell) for cell in row] for row in rows)
    return out.getvalue()


def _text(cell: Cell) -> str:
    if cell is None:
        return ""
    if isinstance(cell, bool):
        return "yes" if cell else "no"
    if isinstance(cell, int):
        return str(cell)
    if isinstance(cell, datetime):
        return rfc3339(cell)
    return f"'{cell}" if cell.lstrip(" ").startswith(_FORMULA) else cell
