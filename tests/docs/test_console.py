"""The reader of console blocks itself: a page that shows something else than what happens must not pass."""

from pathlib import Path

from tests.docs.console import Command, Shell, commands_of, fits


def test_a_block_has_its_continued_command_and_its_output(tmp_path: Path) -> None:
    page = tmp_path / "page.md"
    page.write_text("text\n```console\n$ echo \\\n> one\none\n$ true\n```\n```sh\n$ not this\n```\n")

    assert commands_of(page) == [Command(3, "echo \\\none", ("one",)), Command(6, "true", ())]


def test_a_block_that_names_a_file_writes_it(tmp_path: Path) -> None:
    page = tmp_path / "page.md"
    page.write_text("```python task.py\nprint('$HOME')\n\nprint(2)\n```\n```python\nnot this\n```\n")
    shell = Shell(tmp_path, {})
    [command] = commands_of(page)

    assert shell.run(command.text) == (0, ())
    assert (tmp_path / "task.py").read_text() == "print('$HOME')\n\nprint(2)\n"
    shell.close()


def test_a_shell_keeps_variables_and_returns_streams_and_exit_code(tmp_path: Path) -> None:
    shell = Shell(tmp_path, {})
    shell.run("NAME=value")

    assert shell.run("echo $NAME; echo trouble >&2; false") == (1, ("value", "trouble"))
    shell.close()


def test_times_addresses_and_seals_may_differ() -> None:
    shown = ('{"at":"2026-01-01T00:00:00.1Z","url":"http://127.0.0.1:1/x","seal":"00aa00aa00aa00aa"}',)
    printed = ('{"at":"2027-02-02T10:00:00.9Z","url":"http://127.0.0.1:20000/x","seal":"11bb11bb11bb11bb"}',)

    assert fits(shown, printed)


def test_numbers_and_words_of_an_answer_may_not_differ() -> None:
    assert not fits(('{"status":409}',), ('{"status":404}',))
    assert not fits(('{"code":"A"}',), ('{"code":"B"}',))


def test_an_ellipsis_matches_any_output_at_its_place() -> None:
    assert fits(("first", "…", "last"), ("first", "x", "y", "last"))
    assert fits(("a…z",), ("a whatever z",))
    assert not fits(("first", "…"), ("second", "x"))
    assert not fits(("a",), ("a", "b"))
