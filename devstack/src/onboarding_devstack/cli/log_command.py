"""`logs`: the logs of the embedded system's processes, by time."""

import sys
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Literal

from cyclopts import Parameter
from cyclopts.types import PositiveInt

from onboarding_devstack.cli.exits import CommandError, Exit, ours
from onboarding_devstack.cli.options import Data, ProcessName

Level = Literal["debug", "info", "warning", "error"]
_POLL_SECONDS = 0.2
_LINES_READ_FOR_A_LEVEL = 10_000
"""Lines of each log among which those of a level are looked for."""


def logs(
    names: Annotated[tuple[ProcessName, ...], Parameter(negative="")] = (),
    /,
    *,
    follow: Annotated[bool, Parameter(name=("--follow", "-f"), negative="", help="Print new lines.")] = False,
    lines: Annotated[PositiveInt, Parameter(name=("--lines", "-n"), help="Number of lines from the end.")] = 50,
    level: Annotated[
        Level | None, Parameter(help="Leave out lines of services that are less important; others have no level.")
    ] = None,
    data: Data = None,
) -> Exit:
    """Print the end of the processes' logs, by time: formatted on a terminal, unchanged (JSON lines) in a pipe.

    Parameters
    ----------
    names:
        The processes. Default: all.
    """
    from onboarding_devstack.cli.merged_logs import is_at_least, merged
    from onboarding_devstack.cli.report import prefix
    from onboarding_devstack.cli.screen import coloured
    from onboarding_devstack.logs import log_path, rendered, tail
    from onboarding_devstack.place import data_folder, logs_of
    from onboarding_devstack.system import PROCESSES

    folder = logs_of(data_folder(data))
    chosen = names or PROCESSES
    paths = {name: log_path(folder, name) for name in chosen}
    if not any(path.exists() for path in paths.values()):
        raise CommandError(Exit.CONFLICT, f"no logs in {folder}", ours("up"))
    formatted, colour = sys.stdout.isatty(), coloured(sys.stdout)

    def show(read: Mapping[str, list[str]], last: int | None = None) -> None:
        wanted = {
            name: [line for line in of_one if level is None or is_at_least(line, level)]
            for name, of_one in read.items()
        }
        for line in merged(wanted)[-last if last else None :]:
            shown = rendered(line.text) if formatted else line.text
            print(f"{prefix(line.process, colour)} {shown}" if len(chosen) > 1 else shown, flush=follow)

    sizes = {name: path.stat().st_size if path.exists() else 0 for name, path in paths.items()}
    read = lines if level is None else max(lines, _LINES_READ_FOR_A_LEVEL)
    show({name: tail(path, read) for name, path in paths.items()}, lines)
    while follow:
        time.sleep(_POLL_SECONDS)
        show({name: _since(path, sizes, name) for name, path in paths.items()})
    return Exit.OK


def _since(path: Path, sizes: dict[str, int], name: str) -> list[str]:
    """The complete lines that were written since the last call."""
    if not path.exists():
        return []
    if path.stat().st_size < sizes[name]:
        sizes[name] = 0
    with path.open("rb") as file:
        file.seek(sizes[name])
        fresh = file.read()
    whole = fresh.rfind(b"\n") + 1
    sizes[name] += whole
    return fresh[:whole].decode("utf-8", "replace").splitlines()
