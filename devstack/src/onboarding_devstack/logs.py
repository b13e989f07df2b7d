"""Log files of the processes: stored unchanged in DIR/logs/NAME.log, and rendered for terminals."""

import json
from pathlib import Path
from typing import Any, BinaryIO

ROTATE_AT = 20 * 1024 * 1024

# Members that a rendered line omits, because the prefix contains them or they are of no use on a terminal.
_NOT_SHOWN = {"event", "level", "timestamp", "service", "logger", "exception", "lineno", "filename"}


class LogFiles:
    """Writes every line to the file of its process. A file larger than 20 MB at the start is renamed to NAME.log.1."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._files: dict[str, BinaryIO] = {}

    def write(self, name: str, line: bytes) -> None:
        """Append a line to the log of process `name`."""
        file = self._files.get(name) or self._open(name)
        file.write(line + b"\n")
        file.flush()

    def close(self) -> None:
        """Close all files."""
        for file in self._files.values():
            file.close()
        self._files.clear()

    def _open(self, name: str) -> BinaryIO:
        path = log_path(self._folder, name)
        if path.exists() and path.stat().st_size > ROTATE_AT:
            path.replace(path.with_name(path.name + ".1"))
        self._files[name] = path.open("ab")
        return self._files[name]


def log_path(folder: Path, name: str) -> Path:
    """The log file of process `name` in a folder of logs."""
    return folder / f"{name}.log"


def tail(path: Path, lines: int) -> list[str]:
    """The last lines of a file; empty if it is missing."""
    try:
        with path.open("rb") as file:
            file.seek(max(0, path.stat().st_size - 400 * lines - 4096))
            return file.read().decode("utf-8", "replace").splitlines()[-lines:] if lines else []
    except OSError:
        return []


def rendered(line: str) -> str:
    """Render a JSON log line as time, level, event, key=value; other lines are unchanged."""
    if not line.startswith("{"):
        return line
    try:
        record: Any = json.loads(line)
    except ValueError:
        return line
    if not isinstance(record, dict) or "event" not in record:
        return line
    time = str(record.get("timestamp", ""))[11:23]
    facts = " ".join(f"{key}={value}" for key, value in record.items() if key not in _NOT_SHOWN)
    words = " ".join(filter(None, [time, f"{record.get('level', ''):<7}", str(record["event"]), facts])).rstrip()
    exception = record.get("exception")
    return f"{words}\n{exception}" if isinstance(exception, str) else words
