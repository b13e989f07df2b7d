"""Rows on a terminal and in a pipe."""

import io

from onboarding_shared.commands.rows import print_rows, table

ROWS = [
    {"change": "change", "tenant_id": 42, "before": {"credential": "graph-main"}},
    {"change": "add", "tenant_id": 43, "removed": True},
]


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def test_a_table_has_a_column_for_each_member() -> None:
    assert table(ROWS) == [
        "change  tenant id  before                 removed",
        "change  42         credential graph-main",
        "add     43                                yes",
    ]
    assert table([]) == ["none"]


def test_a_pipe_gets_json_lines_and_a_terminal_a_table() -> None:
    pipe, terminal = io.StringIO(), Terminal()
    print_rows(ROWS[:1], pipe)
    print_rows(ROWS[:1], terminal)

    assert pipe.getvalue() == '{"change":"change","tenant_id":42,"before":{"credential":"graph-main"}}\n'
    assert terminal.getvalue().splitlines()[0] == "change  tenant id  before"
