"""`status`, `logs`, `env`: look at the embedded system."""

import json
import shlex
import sys
import time
from pathlib import Path
from typing import Annotated, Any

from cyclopts import Parameter
from cyclopts.types import PositiveInt

from onboarding_devstack.cli.exits import CommandError, Exit, ours
from onboarding_devstack.cli.options import Data, Json, ProcessName


def status(*, as_json: Json = False, data: Data = None) -> Exit:
    """Show every process: its state, address, age and memory. Exit code 0 only when all are ready."""
    from onboarding_devstack.cli.health import health_of
    from onboarding_devstack.cli.located import must_run, running
    from onboarding_devstack.place import data_folder

    found = running(data)
    if found is None and as_json:
        print(json.dumps({"state": "down", "data": str(data_folder(data)), "processes": []}, indent=2))
    system = must_run(data)
    health = health_of(system)
    state = "starting" if not system.ready else "ready" if all(each.state == "ready" for each in health) else "degraded"
    if as_json:
        print(json.dumps(_described(system.journal, state, system.place.folder, [each.as_json() for each in health])))
    else:
        _print_table(state, system.place.folder, health)
    return Exit.OK if state == "ready" else Exit.VERDICT


def _described(journal: dict[str, Any], state: str, folder: Path, processes: list[dict[str, Any]]) -> dict[str, Any]:
    urls = {name: journal[name] for name in ("session_api", "evidence_store", "task_runner", "graph", "kafka")}
    supervisor = journal["supervisor"]["pid"]
    return {"state": state, "data": str(folder), "supervisor": supervisor, **urls, "processes": processes}


def _print_table(state: str, folder: Path, health: list[Any]) -> None:
    from rich.table import Table

    from onboarding_devstack.cli.screen import table_out

    table = Table("process", "state", "pid", "up for", "memory", "address", box=None, pad_edge=False)
    styles = {"ready": "good", "not ready": "warn", "gone": "fail"}
    for each in health:
        age = "" if each.up_seconds is None else duration(each.up_seconds)
        memory = "" if each.memory_bytes is None else f"{each.memory_bytes / 1_000_000:.0f} MB"
        shown = f"[{styles[each.state]}]{each.state}[/]"
        table.add_row(each.name, shown, str(each.pid or ""), age, memory, each.address)
    screen = table_out()
    screen.print(table)
    screen.print(f"\n{state}; data in {folder}", markup=False)


def duration(seconds: float) -> str:
    """A time span as people say it: `8 s`, `3 min`, `2 h 5 min`."""
    whole = int(seconds)
    if whole < 60:
        return f"{whole} s"
    if whole < 3600:
        return f"{whole // 60} min"
    return f"{whole // 3600} h {whole % 3600 // 60} min"


def logs(
    names: Annotated[tuple[ProcessName, ...], Parameter(negative="")] = (),
    /,
    *,
    follow: Annotated[bool, Parameter(name=("--follow", "-f"), negative="", help="Go on with what comes.")] = False,
    lines: Annotated[PositiveInt, Parameter(name=("--lines", "-n"), help="How many of the last lines.")] = 50,
    data: Data = None,
) -> Exit:
    """Print the end of the processes' logs: for people on a terminal, in a pipe as they were written (JSON lines).

    Parameters
    ----------
    names:
        Which processes; all when none is named.
    """
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
    people, colour = sys.stdout.isatty(), coloured(sys.stdout)

    def show(name: str, line: str) -> None:
        shown = rendered(line) if people else line
        print(f"{prefix(name, colour)} {shown}" if len(chosen) > 1 else shown, flush=follow)

    sizes = {name: path.stat().st_size if path.exists() else 0 for name, path in paths.items()}
    for name, path in paths.items():
        for line in tail(path, lines):
            show(name, line)
    while follow:
        time.sleep(0.2)
        for name, path in paths.items():
            for line in _since(path, sizes, name):
                show(name, line)
    return Exit.OK


def _since(path: Path, sizes: dict[str, int], name: str) -> list[str]:
    """The whole lines that came since the last look."""
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


def env(
    *,
    user: Annotated[int, Parameter(help="User id in TOKEN.")] = 7,
    tenant: Annotated[tuple[int, ...], Parameter(help="Tenant ids in TOKEN.", negative="")] = (42, 43),
    as_json: Json = False,
    data: Data = None,
) -> Exit:
    """Print addresses and a development token as shell exports: eval "$(onboarding env)"."""
    from onboarding_devstack.cli.located import must_run

    place = must_run(data).place
    values = variables(place) | {"TOKEN": place.identity.token(user, tenant)}
    if as_json:
        print(json.dumps(values, indent=2))
    else:
        for name, value in values.items():
            print(f"export {name}={shlex.quote(value)}")
    return Exit.OK


def variables(place: Any) -> dict[str, str]:
    """The addresses of a system under the names that shells and clients use."""
    from onboarding_devstack.system import addresses, database_urls

    at = addresses(place)
    found = {
        "ONBOARDING_HOME": str(place.folder),
        "SESSION_API": at["session-api"],
        "EVIDENCE_STORE": at["evidence-store"],
        "GRAPH": at["graph"],
        "KAFKA_BOOTSTRAP_SERVERS": at["broker"],
    }
    return (
        found
        | place.engines.client_settings()
        | {f"{name.upper()}_DATABASE_URL": url for name, url in database_urls(place).items()}
    )
