"""`task run`: starts a task of a tenant, shows how it goes on, and ends with its verdict."""

import json
import sys
import time
import uuid
from collections.abc import Mapping
from typing import TYPE_CHECKING, Annotated, Any

from cyclopts import Parameter
from cyclopts.types import PositiveFloat

from onboarding_devstack.cli.exits import CommandError, Exit, ours
from onboarding_devstack.cli.operate.deployment import HERE, Deployment
from onboarding_devstack.cli.token import check_id

if TYPE_CHECKING:
    from onboarding_devstack.cli.operate.client import Client

POLL_SECONDS = 0.5
ENDED = ("succeeded", "failed", "cancelled", "timed_out")
PASSED = ("ok", "warn")


def run(
    name: Annotated[str, Parameter(help="The task type, such as graph.connectivity.")],
    *,
    tenant: Annotated[int, Parameter(help="Tenant id on the platform, 1 to 2^63-1.")],
    connection: Annotated[
        int | None, Parameter(help="Provider connection. Default: the only one, or that of the open session.")
    ] = None,
    inputs: Annotated[str | None, Parameter(help="The inputs of the task, a JSON object.")] = None,
    dry_run: Annotated[bool, Parameter(negative="", help="Change nothing, if the task can be run so.")] = False,
    wait: Annotated[bool, Parameter(negative="", help="Wait for the end; the exit code is the verdict.")] = False,
    timeout: Annotated[PositiveFloat | None, Parameter(help="Seconds to wait for the end. Default: no limit.")] = None,
    to: Deployment = HERE,
) -> Exit:
    """Start a task of a tenant, or join its active run. Ctrl-C and --timeout leave the run alone.

    With --wait the exit code is 0 for ok and warn, 3 for fail and unknown, and 1 for a run that ended without a result.
    """
    from onboarding_devstack.cli.operate.client import client_of
    from onboarding_devstack.cli.screen import err

    check_id("--tenant", tenant)
    if timeout is not None and not wait:
        raise CommandError(Exit.USAGE, "--timeout belongs to --wait")
    body = {"provider_connection_id": connection, "inputs": _object(inputs), "dry_run": dry_run}
    below = f"/tenants/{tenant}/onboarding"
    with client_of(to) as client:
        key = {"Idempotency-Key": str(uuid.uuid4())}  # a start whose answer was lost is sent again
        started = client.send("POST", f"{below}/tasks/{name}/runs", body, headers=key)
        err().print(f"run {started['run_id']} of {name} {started['outcome']}", markup=False)
        if not wait:
            print(json.dumps(started) if to.as_json or not sys.stdout.isatty() else started["run_id"])
            return Exit.OK
        ended = _ended(client, tenant, started["run_id"], timeout)
    _show(ended, as_json=to.as_json)
    return verdict(ended)


def verdict(run: Mapping[str, Any]) -> Exit:
    """The exit code of a run that has ended."""
    if run["state"] != "succeeded":
        return Exit.FAILED
    return Exit.OK if (run.get("result") or {}).get("status") in PASSED else Exit.VERDICT


def state_line(run: Mapping[str, Any]) -> str:
    """What a person wants to know of a run that goes on."""
    words = [f"run {run['id']}: {run['state']}"]
    if run["attempt"] > 1:
        words.append(f"attempt {run['attempt']}")
    if progress := run.get("progress"):
        of = "" if progress.get("total") is None else f" of {progress['total']}"
        words.append(f"{progress['done']}{of} {progress.get('message') or ''}".rstrip())
    if waiting := run.get("waiting"):
        until = f", again at {waiting['resume_at']}" if waiting.get("resume_at") else ""
        words.append(f"{waiting.get('reason_code')}: {waiting.get('message') or 'waits'}{until}")
    return ", ".join(words)


def _object(text: str | None) -> dict[str, Any] | None:
    if text is None:
        return None
    try:
        value = json.loads(text)
    except ValueError as error:
        raise CommandError(Exit.USAGE, f"--inputs is not JSON: {error}") from None
    if not isinstance(value, dict):
        raise CommandError(Exit.USAGE, '--inputs must be a JSON object, such as \'{"group": "Helpdesk"}\'')
    return value


def _ended(client: "Client", tenant: int, run_id: int, timeout: float | None) -> dict[str, Any]:
    """Wait for the end of a run; each change is shown."""
    from onboarding_devstack.cli.screen import err

    deadline = None if timeout is None else time.monotonic() + timeout
    shown = ""
    while True:
        run = dict(client.get(f"/tenants/{tenant}/onboarding/runs/{run_id}"))
        if run["state"] in ENDED:
            return run
        if (line := state_line(run)) != shown:
            err().print(line, markup=False)
            shown = line
        if deadline is not None and time.monotonic() > deadline:
            message = f"run {run['id']} has not ended within {timeout:g} s, and goes on: it is {run['state']}"
            raise CommandError(Exit.FAILED, message, ours(f"runs show {tenant}/{run_id}"))
        time.sleep(POLL_SECONDS)


def _show(run: Mapping[str, Any], *, as_json: bool) -> None:
    from onboarding_devstack.cli.screen import out

    if as_json or not sys.stdout.isatty():
        print(json.dumps(run))
        return
    result = run.get("result") or {}
    status = str(result.get("status") or run["state"])
    screen = out()
    screen.print(f"[{status if run['state'] == 'succeeded' else 'fail'}]{status}[/]", end=" ")
    screen.print(f"{result.get('reason_code') or ''} {result.get('message') or ''}".strip(), markup=False)
    if result.get("remediation") and status != "ok":
        screen.print(f"  next: {result['remediation']}", markup=False)
