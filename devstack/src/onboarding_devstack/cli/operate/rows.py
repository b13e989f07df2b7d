"""Items as a table on a terminal, and as JSON lines in a pipe."""

import json
import sys
from collections.abc import Callable, Iterable, Sequence
from typing import Any, NamedTuple

from rich.table import Column as Header
from rich.table import Table
from rich.text import Text

from onboarding_devstack.cli.operate.client import Pages, Row
from onboarding_devstack.cli.screen import WORD_STYLES, err, table_out
from onboarding_shared.contracts.types import made_visible


class Column(NamedTuple):
    """A column of a table: its heading and the value of an item. ``whole``: a value is on one line."""

    heading: str
    value: Callable[[Row], Any]
    whole: bool = False


def member(path: str, heading: str | None = None) -> Column:
    """The column of a member of the items; `result.status` is that of an object within, if the item has one."""

    def value(row: Row) -> Any:
        found: Any = row
        for name in path.split("."):
            found = (found or {}).get(name)
        return found

    return Column(heading or path.replace("_", " "), value)


def name_of(heading: str, owner: str = "tenant_id", number: str = "id") -> Column:
    """The column of the names by which commands call the items, such as `42/17`."""

    def value(row: Row) -> str | None:
        return None if row[number] is None else f"{row[owner]}/{row[number]}"

    return Column(heading, value, whole=True)


def time_of(name: str, heading: str) -> Column:
    """The column of a member that is a time, in UTC and without fractions of seconds."""

    def value(row: Row) -> str:
        return moment(row.get(name))

    return Column(heading, value, whole=True)


def moment(text: str | None) -> str:
    """A time of the API as people read it: `2026-11-24 09:30:00`."""
    return "" if text is None else text[:19].replace("T", " ")


def show_rows(rows: Iterable[Row], columns: Sequence[Column], *, as_json: bool) -> None:
    """Print items: JSON lines as they come, or a table of all."""
    if as_json or not sys.stdout.isatty():
        for row in rows:
            print(json.dumps(row, ensure_ascii=False))
        return
    table = Table(box=None, pad_edge=False)
    for column in columns:
        # What people copy into the next command must not be cut.
        table.add_column(column.heading, overflow="fold", no_wrap=column.whole)
    for row in rows:
        table.add_row(*(_cell(column.value(row)) for column in columns))
    if table.row_count:
        table_out().print(table)
    else:
        err().print("none")


def show_pages(pages: Pages, columns: Sequence[Column], *, as_json: bool) -> None:
    """Print the items of a list; tell on standard error if there are more."""
    show_rows(pages, columns, as_json=as_json)
    if pages.more:
        err().print("There are more: --limit N, or --all.", markup=False)


def show_record(record: Row, *, as_json: bool) -> None:
    """Print one item: a JSON line, or a line for each member that has a value."""
    if as_json or not sys.stdout.isatty():
        print(json.dumps(record, ensure_ascii=False))
        return
    table = Table("member", Header("value", overflow="fold"), show_header=False, box=None, pad_edge=False)
    for name, value in record.items():
        if value is not None:
            table.add_row(Text(name.replace("_", " "), style="quiet"), _cell(value))
    table_out().print(table)


def _cell(value: Any) -> Text:
    """A value without what a terminal would carry out: people and other systems have chosen it."""
    if value is None:
        return Text("")
    if isinstance(value, bool):
        return Text("yes" if value else "no")
    if not isinstance(value, str | int | float):
        return Text(made_visible(json.dumps(value, ensure_ascii=False)))
    text = made_visible(str(value))
    return Text(text, style=WORD_STYLES.get(text, ""))
