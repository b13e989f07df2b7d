"""`status`, `env`: inspect the embedded system."""

import json
import shlex
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

from cyclopts import Parameter

from onboarding_devstack.cli.exits import Exit
from onboarding_devstack.cli.options import Data, Json

if TYPE_CHECKING:
    from onboarding_devstack.cli.finding import Finding


def status(*, as_json: Json = False, data: Data = None) -> Exit:
    """Show every process, and whether work is stuck: dead letters, late messages and runs, disk space.

    Exit code 0 only when all processes are ready.
    """
    from onboarding_devstack.cli.checks import disk_space
    from onboarding_devstack.cli.health import health_of
    from onboarding_devstack.cli.located import must_run, option, running
    from onboarding_devstack.cli.work_checks import work_of
    from onboarding_devstack.place import data_folder

    if as_json and running(data) is None:
        print(json.dumps({"state": "down", "data": str(data_folder(data)), "processes": []}, indent=2))
    system = must_run(data)
    health = health_of(system)
    work = [*work_of(system, option(data)), disk_space(system.place.folder)]
    state = (
        "starting"
        if not system.ready
        else "ready"
        if all(process.state == "ready" for process in health)
        else "degraded"
    )
    if as_json:
        processes = [process.as_json() for process in health]
        findings = [finding.as_json() for finding in work]
        print(json.dumps(_described(system.journal, state, system.place.folder, processes) | {"work": findings}))
    else:
        _print_table(state, system.place, health, work)
    return Exit.OK if state == "ready" else Exit.VERDICT


def _described(journal: dict[str, Any], state: str, folder: Path, processes: list[dict[str, Any]]) -> dict[str, Any]:
    urls = {name: journal[name] for name in ("session_api", "evidence_store", "task_runner", "graph", "kafka")}
    supervisor = journal["supervisor"]["pid"]
    return {"state": state, "data": str(folder), "supervisor": supervisor, **urls, "processes": processes}


def _print_table(state: str, place: Any, health: list[Any], work: "list[Finding]") -> None:
    from rich.table import Table

    from onboarding_devstack.cli.finding_lines import print_findings
    from onboarding_devstack.cli.screen import table_out
    from onboarding_devstack.system import web_application_addresses

    table = Table("process", "state", "pid", "up for", "memory", "address", box=None, pad_edge=False)
    styles = {"ready": "good", "not ready": "warn", "gone": "fail"}
    for process in health:
        age = "" if process.up_seconds is None else duration(process.up_seconds)
        memory = "" if process.memory_bytes is None else f"{process.memory_bytes / 1_000_000:.0f} MB"
        shown = f"[{styles[process.state]}]{process.state}[/]"
        table.add_row(process.name, shown, str(process.pid or ""), age, memory, process.address)
    screen = table_out()
    screen.print(table)
    screen.print()
    print_findings(screen, work)
    screen.print(f"\n{state}; data in {place.folder}", markup=False)
    screen.print(f"web application: {web_application_addresses(place)[0]} (choose a person to sign in)", markup=False)


def duration(seconds: float) -> str:
    """Format a duration: `8 s`, `3 min`, `2 h 5 min`."""
    whole = int(seconds)
    if whole < 60:
        return f"{whole} s"
    if whole < 3600:
        return f"{whole // 60} min"
    return f"{whole // 3600} h {whole % 3600 // 60} min"


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
    """The environment variables with the addresses of a system."""
    from onboarding_devstack.system import addresses, database_urls

    at = addresses(place)
    exported = {
        "ONBOARDING_HOME": str(place.folder),
        "SESSION_API": at["session-api"],
        "EVIDENCE_STORE": at["evidence-store"],
        "GRAPH": at["graph"],
        "KAFKA_BOOTSTRAP_SERVERS": at["broker"],
    }
    return (
        exported
        | place.engines.client_settings()
        | {f"{name.upper()}_DATABASE_URL": url for name, url in database_urls(place).items()}
    )
