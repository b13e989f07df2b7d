"""The `demo` command: find or start a system, tell the story, say how it ended."""

import asyncio
import contextlib
import json
import os
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

from cyclopts import Parameter

from onboarding_devstack.cli.exits import CommandError, Exit, ours
from onboarding_devstack.cli.options import BrokerChoice, Data, Json

if TYPE_CHECKING:
    from onboarding_devstack.cli.demo.customer import Customer

FIRST_USER, SECOND_USER = 7, 8


@dataclass(frozen=True)
class Theatre:
    """Where the story is played."""

    url: str
    token_of: Callable[[int], str] | None
    """A token for a user; None when there is only `fixed_token`."""
    fixed_token: str
    graph: str | None
    """The Graph-shaped server, where it is ours to tell how to behave."""
    folder: Path
    started_here: bool


def demo(
    *,
    url: Annotated[
        str | None, Parameter(help="A running session API. Default: this machine's, started if need be.")
    ] = None,
    tenant: Annotated[
        str | None,
        Parameter(
            help="Tenant id, or a recorded customer to look at: healthy, free-tier, expired-relationship,"
            " half-mapped-groups, report-only-policies, broken-consent, throttled. Default: a fresh tenant."
        ),
    ] = None,
    as_json: Json = False,
    broker: BrokerChoice = None,
    data: Data = None,
) -> Exit:
    """Onboard one customer tenant, live: five steps, every task, a takeover, the evidence and its seal.

    Starts the whole system when none runs, and stops it again. With --url of a foreign system it takes the token
    from the variable TOKEN. Exit code 3 when the tenant does not pass, 5 when the system cannot be reached.
    """
    from onboarding_devstack.cli.demo.customer import chosen_customer

    customer = chosen_customer(tenant)
    try:
        return asyncio.run(_play(url, customer, as_json, broker, data))
    except asyncio.CancelledError:
        return Exit.INTERRUPTED


async def _play(url: str | None, customer: "Customer", as_json: bool, broker: str | None, data: Path | None) -> Exit:
    from onboarding_devstack.cli.demo.api import Api, Refused
    from onboarding_devstack.cli.demo.ending import next_steps, print_evidence, print_remedies
    from onboarding_devstack.cli.demo.stage import stage_for
    from onboarding_devstack.cli.demo.story import Story, steps_of
    from onboarding_devstack.cli.demo.survey import Survey
    from onboarding_devstack.cli.screen import err, table_out

    screen, tenant = err(), customer.tenant
    async with _theatre(url, tenant, broker, data) as theatre:
        token_of = theatre.token_of
        first_token = token_of(FIRST_USER) if token_of else theatre.fixed_token
        async with contextlib.AsyncExitStack() as stack:
            first = await stack.enter_async_context(Api(theatre.url, first_token, tenant))
            second = None
            if token_of:
                second = await stack.enter_async_context(Api(theatre.url, token_of(SECOND_USER), tenant))
            try:
                catalogue = await first.task_types()
                await _set_stage(theatre, customer)
                screen.print(f"\nOnboarding tenant {tenant} over {theatre.url}", markup=False)
                with stage_for(screen, steps_of(catalogue)) as stage:
                    kind = Survey if customer.recorded else Story
                    outcome = await kind(first, second, stage, catalogue, customer.guid).tell()
            except Refused as refused:
                raise CommandError(
                    Exit.FAILED, f"{refused.status} {refused.code}: {refused}", refused.body.get("next")
                ) from None
    if as_json:
        print(json.dumps({"tenant": tenant, "ok": outcome.good, **vars(outcome)}, indent=2))
    else:
        print_evidence(table_out(), outcome, tenant)
        print_remedies(table_out(), outcome)
    again = ours(f"up --detach --data {theatre.folder}") if theatre.started_here else None
    token = ours(f"token --user {FIRST_USER} --tenant {tenant} --data {theatre.folder}") if token_of else "echo $TOKEN"
    for line in next_steps(theatre.url, tenant, token, again):
        screen.print(line, markup=False, soft_wrap=True)  # to be copied, so never folded
    return Exit.OK if outcome.good else Exit.VERDICT


@contextlib.asynccontextmanager
async def _theatre(url: str | None, tenant: int, broker: str | None, data: Path | None) -> AsyncIterator[Theatre]:
    if url is not None:
        yield _given(url, tenant, data)
        return
    from onboarding_devstack.cli.located import running
    from onboarding_devstack.place import data_folder

    own = data_folder(data) if data is not None else data_folder(None) / "demo"
    for candidate in (data, own):
        found = running(candidate)
        if found is not None:
            if broker not in (None, found.place.engines.broker):
                folder = found.place.folder
                raise CommandError(
                    Exit.CONFLICT,
                    f"the system on {folder} runs on the broker {found.place.engines.broker}",
                    f"{ours('down')} --data {folder}",
                )
            yield _on_this_machine(found.place, tenant, started_here=False)
            return
    async with _started(own, broker) as place:
        yield _on_this_machine(place, tenant, started_here=True)


def _given(url: str, tenant: int, data: Path | None) -> Theatre:
    """A system that somebody else named: ours when it is the one on the data folder, else known by its URL alone."""
    from onboarding_devstack.cli.located import running

    found = running(data)
    if found is not None and found.journal.get("session_api") == url.rstrip("/"):
        return _on_this_machine(found.place, tenant, started_here=False)
    token = os.environ.get("TOKEN")
    if not token:
        raise CommandError(Exit.CONFLICT, f"no token for {url}", "export TOKEN=… with the tenant of --tenant in it")
    return Theatre(url.rstrip("/"), None, token, None, Path(), started_here=False)


def _on_this_machine(place: Any, tenant: int, *, started_here: bool) -> Theatre:
    from onboarding_devstack.system import addresses

    at = addresses(place)

    def token_of(user: int) -> str:
        return str(place.identity.token(user, [tenant]))

    return Theatre(at["session-api"], token_of, "", at["graph"], place.folder, started_here)


@contextlib.asynccontextmanager
async def _started(folder: Path, broker: str | None) -> AsyncIterator[Any]:
    """The embedded system, for as long as the story takes."""
    from onboarding_devstack.cli.failures import already_running, did_not_start, engine_missing
    from onboarding_devstack.cli.report import TerminalReport
    from onboarding_devstack.cli.screen import err, quiet_libraries
    from onboarding_devstack.embedded import embedded_system
    from onboarding_devstack.engines.engine_error import EngineError
    from onboarding_devstack.logs import LogFiles
    from onboarding_devstack.place import AlreadyRunningError, logs_of
    from onboarding_devstack.supervisor import StartFailedError

    quiet_libraries()
    err().print(f"Starting the whole system; its data is in {folder}", markup=False)
    report = TerminalReport(LogFiles(logs_of(folder)), show_logs=False)
    try:
        async with embedded_system(folder, report, broker) as (place, _):
            yield place
    except AlreadyRunningError:
        raise already_running(folder, folder) from None
    except EngineError as missing:
        raise engine_missing(missing) from None
    except StartFailedError as failed:
        raise did_not_start(failed, folder) from None


async def _set_stage(theatre: Theatre, customer: "Customer") -> None:
    """Tell the Graph-shaped server what the customer is like; nothing where it is not ours."""
    if theatre.graph is None:
        if customer.recorded:
            raise CommandError(Exit.CONFLICT, f"the customer {customer.recorded} is known to embedded systems alone")
        return
    import httpx2

    async with httpx2.AsyncClient(base_url=theatre.graph, trust_env=False) as client:
        answer = await client.put(f"/_control/tenants/{customer.guid}", json=dict(customer.control))
        answer.raise_for_status()
