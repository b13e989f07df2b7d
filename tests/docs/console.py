"""Console blocks of Markdown pages: read them, run them in one shell, compare what they print with what they show.

A block is fenced as ``console``; ``$ `` begins a command, ``> `` continues it, everything else is its output. In an
output ``…`` stands for anything, on a line of its own for any number of lines. A block whose fence names a file after
the language, such as ``python task.py``, is a command that writes this file into the current folder.
"""

import os
import re
import selectors
import subprocess
import time
from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

_END = "<<<end of command>>>"
_END_OF_FILE = "END_OF_FILE"
_NAMED_FILE = re.compile(r"```\w+ ([\w./-]+)")
_VOLATILE = (
    (re.compile(r"\d{4}-\d\d-\d\dT[\d:.]+Z"), "<time>"),
    (re.compile(r"\b[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}\b"), "<uuid>"),
    (re.compile(r"\b(?=[0-9a-f]*[a-f])[0-9a-f]{16,}\b"), "<hex>"),
    (re.compile(r"127\.0\.0\.1:\d+"), "<address>"),
)


def _environment() -> dict[str, str]:
    """The environment without the variables that `make` sets for its children."""
    return {name: value for name, value in os.environ.items() if not name.startswith(("MAKE", "MFLAGS", "ARGS"))}


class Command(NamedTuple):
    """A command and the output that its page shows."""

    line: int
    text: str
    shown: tuple[str, ...]


class _File(NamedTuple):
    """A block that shows a whole file."""

    line: int
    path: str
    lines: list[str]

    def command(self) -> Command:
        """The command that writes the file."""
        content = "".join(f"{line}\n" for line in self.lines)
        return Command(self.line, f"cat >{self.path} <<'{_END_OF_FILE}'\n{content}{_END_OF_FILE}", ())


class Ran(NamedTuple):
    """The exit code of a command and its output, both streams together."""

    exit_code: int
    printed: tuple[str, ...]


def commands_of(page: Path) -> list[Command]:
    """All commands of a page's console blocks, in order."""
    commands: list[Command] = []
    inside = False
    file: _File | None = None
    for number, line in enumerate(page.read_text(encoding="utf-8").splitlines(), start=1):
        if line.startswith("```"):
            if file is not None:
                commands.append(file.command())
            inside = line == "```console"
            named = _NAMED_FILE.fullmatch(line)
            file = _File(number, named.group(1), []) if named else None
        elif file is not None:
            file.lines.append(line)
        elif inside and line.startswith("$ "):
            commands.append(Command(number, line[2:], ()))
        elif inside and line.startswith("> ") and not commands[-1].shown:
            commands[-1] = commands[-1]._replace(text=f"{commands[-1].text}\n{line[2:]}")
        elif inside:
            commands[-1] = commands[-1]._replace(shown=(*commands[-1].shown, line))
    return commands


class Shell:
    """One bash that runs command after command, as a reader would."""

    def __init__(self, folder: Path, environment: Mapping[str, str]) -> None:
        self._process = subprocess.Popen(
            ["bash", "--norc", "--noprofile"], cwd=folder, env={**_environment(), **environment},
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
        )  # fmt: skip

    def run(self, text: str, *, seconds: float = 60.0) -> Ran:
        """Run one command. Raises ``TimeoutError`` with what it printed so far."""
        assert self._process.stdin is not None
        self._process.stdin.write(f"{{ {text}\n}} </dev/null; printf '\\n%s %s\\n' '{_END}' $?\n".encode())
        self._process.stdin.flush()
        printed, code = self._read(seconds)
        lines = [line.rstrip() for line in printed.split("\n")]
        while lines and not lines[-1]:
            lines.pop()
        return Ran(code, tuple(lines))

    def close(self) -> None:
        """End the shell."""
        self._process.communicate(timeout=10)

    def _read(self, seconds: float) -> tuple[str, int]:
        output = self._process.stdout
        assert output is not None
        deadline = time.monotonic() + seconds
        received = b""
        with selectors.DefaultSelector() as selector:
            selector.register(output, selectors.EVENT_READ)
            while (found := re.search(rb"\n" + _END.encode() + rb" (\d+)\n", received)) is None:
                if not selector.select(max(0.0, deadline - time.monotonic())):
                    raise TimeoutError(f"no end within {seconds:g} s; it printed: {received.decode(errors='replace')}")
                fresh = os.read(output.fileno(), 65536)
                if not fresh:
                    raise EOFError(f"the shell ended; it printed: {received.decode(errors='replace')}")
                received += fresh
        return received[: found.start()].decode(errors="replace"), int(found.group(1))


def fits(shown: tuple[str, ...], printed: tuple[str, ...]) -> bool:
    """True if the output is as the page shows it, apart from volatile parts."""
    pattern = "".join(
        r"(?:[^\n]*\n)*?" if line == "…" else r"[^\n]*".join(map(re.escape, _stable(line).split("…"))) + r"\n"
        for line in map(str.rstrip, shown)
    )
    return re.fullmatch(pattern, "".join(f"{_stable(line)}\n" for line in printed)) is not None


def _stable(line: str) -> str:
    """The line without what differs from run to run; JSON keeps its numbers, other text keeps none."""
    for pattern, name in _VOLATILE:
        line = pattern.sub(name, line)
    if not line.startswith(("{", "[")):
        line = re.sub(r"\d+(\.\d+)?", "<n>", re.sub(r"\s+", " ", line))
    return line
