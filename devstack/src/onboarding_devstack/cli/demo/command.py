"""The `demo` command: finds or starts a system, runs the demo, prints the result."""

import asyncio
import contextlib
import json
import os
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

from cyclopts import Parameter

from onboarding_devstack.cli.exits import CommandError, Exit, ours
from onboarding_devstack.cli.options import BrokerChoice, Data, Json

if TYPE_CHECKING:
    from onboarding_devstack.cli.demo.customer import Customer
    from onboarding_devstack.place import Place

FIRST_USER, SECOND_USER = 7, 8


@dataclass(frozen=True)
class Given:
    """A running system: its session API, and its Graph-shaped server if it has one."""

    url: str
    graph: str | None


@dataclass(frozen=True)
class Demo:
    """The system on which the demo runs."""

    url: str
    token_of: Callable[[int], str] | None
    """Issues a token for a user; None if there is only `fixed_token`."""
    fixed_token: str
    graph: str | None
    """The Graph-shaped server; None if it is unknown, or the customers are real."""
    place: "Place | None"
    """The data folder of the system; None if the system is not on this machine, whose operator binds the customer."""
    started_here: bool


def demo(
    *,
    url: Annotated[
        str | None, Parameter(help="A running session API. Default: that of this machine, started if necessary.")
    ] = None,
    tenant: Annotated[
        str | None,
        Parameter(
            help="Tenant id, or a recorded customer to check: healthy, free-tier, expired-relationship,"
            " half-mapped-groups, report-only-policies, broken-consent, throttled. Default: a fresh tenant."
        ),
    ] = None,
    graph: Annotated[
        str | None,
        Parameter(
            help="The Microsoft emulator of the system at --url, where the demo plays the customer's administrator."
        ),
    ] = None,
    way: Annotated[
        Literal["link", "gdap"],
        Parameter(help="How a fresh customer lets us in: by consent link alone, or with delegated administration too."),
    ] = "gdap",
    as_json: Json = False,
    broker: BrokerChoice = None,
    data: Data = None,
) -> Exit:
    """Onboard one customer tenant, live: five steps, every task, a takeover, the evidence and its seal.

    Starts the whole system if none runs, and stops it afterwards. With --url of another system the token is read from
    the variable TOKEN; without --graph its customers must have consented. Exit code 3 if the tenant does not pass, 5 if
    the system cannot be reached.
    """
    from onboarding_devstack.cli.demo.customer import chosen_customer

    if graph is not None and url is None:
        raise CommandError(Exit.USAGE, "--graph belongs to the system at --url")
    given = None if url is None else Given(url.rstrip("/"), None if graph is None else graph.rstrip("/"))
    customer = chosen_customer(tenant)
    try:
        return asyncio.run(_run(given, customer, way, as_json, broker, data))
    except asyncio.CancelledError:
        return Exit.INTERRUPTED


async def _run(
    given: Given | None, customer: "Customer", way: str, as_json: bool, broker: str | None, data: Path | None
) -> Exit:
    from onboarding_devstack.cli.demo.api import Api, Refused
    from onboarding_devstack.cli.demo.ending import next_steps, print_evidence, print_remedies
    from onboarding_devstack.cli.demo.fleet import FleetDemo
    from onboarding_devstack.cli.demo.run import DemoRun, steps_of
    from onboarding_devstack.cli.demo.view import view_for
    from onboarding_devstack.cli.demo.ways import CustomerAdministrator, Way
    from onboarding_devstack.cli.screen import err, table_out

    screen, tenant = err(), customer.tenant
    async with _open_demo(given, tenant, broker, data) as system:
        token_of = system.token_of
        first_token = token_of(FIRST_USER) if token_of else system.fixed_token
        async with contextlib.AsyncExitStack() as stack:
            first = await stack.enter_async_context(Api(system.url, first_token, tenant))
            second = None
            if token_of:
                second = await stack.enter_async_context(Api(system.url, token_of(SECOND_USER), tenant))
            try:
                catalogue = await first.task_types()
                await _configure_customer(system, customer)
                await _bind_customer(system, customer)
                screen.print(f"\nOnboarding tenant {tenant} over {system.url}", markup=False)
                with view_for(screen, steps_of(catalogue)) as view:
                    if customer.recorded:
                        run: DemoRun = FleetDemo(first, second, view, catalogue, customer.guid)
                    else:
                        administrator = CustomerAdministrator(system.graph) if system.graph else None
                        run = DemoRun(first, second, view, catalogue, customer.guid, administrator, Way(way))
                    outcome = await run.run()
            except Refused as refused:
                raise CommandError(
                    Exit.FAILED, f"{refused.status} {refused.code}: {refused}", refused.body.get("next")
                ) from None
    if as_json:
        print(json.dumps({"tenant": tenant, "ok": outcome.good, **vars(outcome)}, indent=2))
    else:
        print_evidence(table_out(), outcome, tenant)
        print_remedies(table_out(), outcome)
    again = ours(f"up --detach --data {system.place.folder}") if system.place and system.started_here else None
    token = (
        ours(f"token --user {FIRST_USER} --tenant {tenant} --data {system.place.folder}")
        if system.place
        else "echo $TOKEN"
    )
    for line in next_steps(system.url, tenant, token, again):
        screen.print(line, markup=False, soft_wrap=True)  # never wrapped, so that it can be copied
    return Exit.OK if outcome.good else Exit.VERDICT


@contextlib.asynccontextmanager
async def _open_demo(given: Given | None, tenant: int, broker: str | None, data: Path | None) -> AsyncIterator[Demo]:
    if given is not None:
        yield _given(given, tenant, data)
        return
    from onboarding_devstack.cli.located import running
    from onboarding_devstack.place import data_folder

    own = data_folder(data) if data is not None else data_folder(None) / "demo"
    for candidate in (data, own):
        system = running(candidate)
        if system is not None:
            if broker not in (None, system.place.engines.broker):
                folder = system.place.folder
                raise CommandError(
                    Exit.CONFLICT,
                    f"the system on {folder} runs on the broker {system.place.engines.broker}",
                    f"{ours('down')} --data {folder}",
                )
            yield _on_this_machine(system.place, tenant, started_here=False)
            return
    async with _started(own, broker) as place:
        yield _on_this_machine(place, tenant, started_here=True)


def _given(given: Given, tenant: int, data: Path | None) -> Demo:
    """The system with the given URL, which may be the one on the data folder."""
    from onboarding_devstack.cli.located import running

    system = running(data)
    if system is not None and system.journal.get("session_api") == given.url:
        return _on_this_machine(system.place, tenant, started_here=False)
    token = os.environ.get("TOKEN")
    if not token:
        raise CommandError(
            Exit.CONFLICT, f"no token for {given.url}", "export TOKEN=… with the tenant of --tenant in it"
        )
    return Demo(given.url, None, token, given.graph, None, started_here=False)


def _on_this_machine(place: "Place", tenant: int, *, started_here: bool) -> Demo:
    from onboarding_devstack.system import addresses

    at = addresses(place)

    def token_of(user: int) -> str:
        return str(place.identity.token(user, [tenant]))

    return Demo(at["session-api"], token_of, "", at["graph"], place, started_here)


@contextlib.asynccontextmanager
async def _started(folder: Path, broker: str | None) -> AsyncIterator[Any]:
    """The embedded system, running for the duration of the demo."""
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


async def _bind_customer(system: Demo, customer: "Customer") -> None:
    """Bind the tenant to its customer on a system of this machine, as its operator."""
    if system.place is None:
        return
    from onboarding_devstack.tenant_bindings import BindingRefused, bind, binding_of

    try:
        await bind(system.place, [binding_of(customer.tenant, customer.guid)])
    except BindingRefused as refused:
        raise CommandError(Exit.FAILED, str(refused), refused.next_step) from None


async def _configure_customer(system: Demo, customer: "Customer") -> None:
    """Configure the customer on the Graph-shaped server of an embedded system."""
    if system.graph is None:
        if customer.recorded:
            raise CommandError(Exit.CONFLICT, f"the customer {customer.recorded} is available on embedded systems only")
        return
    import httpx2

    async with httpx2.AsyncClient(base_url=system.graph, trust_env=False) as client:
        answer = await client.put(f"/_control/tenants/{customer.guid}", json=dict(customer.control))
        answer.raise_for_status()
