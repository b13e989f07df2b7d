"""The demo of one onboarding: five steps, a run of every task, a takeover by a second user, and the evidence."""

import asyncio
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from onboarding_devstack.cli.demo.api import Api, Refused
from onboarding_devstack.cli.demo.view import TERMINAL_STATES, DemoView, StepView, TaskView
from onboarding_devstack.cli.demo.ways import CustomerAdministrator, Way
from onboarding_devstack.cli.exits import CommandError, Exit
from onboarding_devstack.system import DEMO_CLIENT_ID, DEMO_CREDENTIAL
from onboarding_shared.contracts.steps import STEP_WORDS

STEP_TITLES = {number: words.title for number, words in STEP_WORDS.items()}
AWAITED = ("CONSENT_MISSING", "CONSENT_PERMISSIONS_MISSING", "GDAP_APPROVAL_PENDING")
"""Reason codes of runs that wait for the customer, which may take days."""
GOOD = ("ok", "warn")
MAPPING_STEP, CONSENT_STEP = 2, 3
RUN_TIMEOUT = 180.0
POLL_SECONDS = 0.1


@dataclass
class Outcome:
    """The result of a demo: started runs, latest verdicts, evidence and its verification.

    `tasks` is the state of each task in the API; only some demos read it.
    """

    session: dict[str, Any] = field(default_factory=dict)
    runs: list[int] = field(default_factory=list)
    verdicts: dict[str, str] = field(default_factory=dict)
    evidence: list[dict[str, Any]] = field(default_factory=list)
    verification: dict[str, Any] = field(default_factory=dict)
    tasks: list[dict[str, Any]] = field(default_factory=list)

    @property
    def good(self) -> bool:
        """True if the session is completed, every verdict is good, and the evidence is verified."""
        return (
            self.session.get("status") == "completed"
            and all(status in GOOD for status in self.verdicts.values())
            and bool(self.verification.get("verified"))
        )


def steps_of(catalogue: Sequence[dict[str, Any]]) -> dict[int, StepView]:
    """The steps of the wizard with the tasks of the catalogue."""
    return {
        number: StepView(title, {task["name"]: TaskView(task["title"]) for task in catalogue if task["step"] == number})
        for number, title in STEP_TITLES.items()
    }


class DemoRun:
    """Onboards a tenant. `second` is the client of a second user, who takes over the session, if given.

    `customer` is the tenant id of the customer at Microsoft. Its `administrator` consents, and with the way `gdap`
    approves the invitation first; without one, the customer must have consented already.
    """

    def __init__(
        self,
        first: Api,
        second: Api | None,
        view: DemoView,
        catalogue: Sequence[dict[str, Any]],
        customer: str,
        administrator: CustomerAdministrator | None = None,
        way: Way = Way.LINK,
    ) -> None:
        self._api = first
        self._second = second
        self._view = view
        self._catalogue = catalogue
        self._customer = customer
        self._administrator = administrator
        self._way = way
        self.outcome = Outcome()

    async def run(self) -> Outcome:
        """Run the demo from the new session to the sealed evidence. Raises `Refused` for an unexpected error."""
        self._view.enter(1)
        await self._begin()
        await self._do_tasks(1)
        for step in range(2, 6):
            if not await self._go_to(step):
                break
            if step == 2:
                await self._assign()
            if step == 4 and self._second is not None:
                await self._take_over(self._second)
            await self._do_tasks(step)
        else:
            await self._complete()
        await self._read_evidence()
        return self.outcome

    async def _begin(self) -> None:
        session = await self._api.of_tenant("POST", "/session")
        self._view.show(f"User {session['locked_by_user_id']} opens session {session['id']} and holds the edit lock.")
        connection = await self._api.of_tenant(
            "POST",
            "/provider-connections",
            {
                "display_name": f"Customer of tenant {self._api.tenant}",
                "external_tenant_id": self._customer,
                "client_id": DEMO_CLIENT_ID,
                "credential_ref": DEMO_CREDENTIAL,
            },
        )
        self._view.show(f"Provider connection {connection['id']} uses the credential {DEMO_CREDENTIAL}.")
        self.outcome.session = await self._change(session, provider_connection_id=connection["id"])

    async def _assign(self) -> None:
        user = self.outcome.session["locked_by_user_id"]
        self.outcome.session = await self._change(self.outcome.session, assigned_to_user_id=user)
        self._view.show(f"The session is assigned to user {user}.")

    async def _take_over(self, second: Api) -> None:
        path = f"/session/{self.outcome.session['id']}"
        try:
            await second.of_tenant("PATCH", path, {})
        except Refused as refused:
            self._view.show(f"Change by another user refused: {refused.status} {refused.code}: {refused}.")
        self.outcome.session = await second.of_tenant("PATCH", path, {"takeover": True})
        self._api = second
        self._view.show(f"Taken over: user {self.outcome.session['locked_by_user_id']} holds the edit lock now.")

    async def _go_to(self, step: int) -> bool:
        """Move the wizard to a step; returns False if the API refuses it."""
        try:
            self.outcome.session = await self._change(self.outcome.session, current_step=step)
        except Refused as refused:
            self._view.show(f"Step {step} refused: {refused.status} {refused.code}: {refused}.")
            return False
        self._view.enter(step)
        return True

    async def _do_tasks(self, step: int) -> None:
        required = [task["name"] for task in self._catalogue if task["step"] == step and task["required"]]
        if self._administrator is not None:
            if self._way is Way.GDAP:
                required = [*await self._delegate(step, self._administrator), *required]
            if step == CONSENT_STEP:
                await self._consent(self._administrator)
        await self._run_all(step, required)
        unknown = [name for name in required if self.outcome.verdicts[name] == "unknown"]
        if unknown:
            self._view.show(f"Status unknown: running {', '.join(unknown)} again.")
            await self._run_all(step, unknown)

    async def _consent(self, administrator: CustomerAdministrator) -> None:
        """Send the consent link; the administrator accepts, and the product starts `app.consent`."""
        request = await self._api.of_tenant("POST", "/consent-requests")
        self._view.show(f"Consent link for the customer: {request['url'].split('?')[0]}?…")
        status = await administrator.accept_consent(request["url"])
        self._view.show(f"The customer's administrator accepted; the callback answered {status}.")

    async def _delegate(self, step: int, administrator: CustomerAdministrator) -> list[str]:
        """Invite the customer in step 1, map the groups in step 2; returns the checks of the step to run."""
        if step == 1:
            invitation = await self._start("gdap.invite")
            waiting = await self._wait_until_waiting(step, "gdap.invite", invitation)
            link = waiting["message"].rsplit(" ", 1)[-1]
            self._view.show(f"Invitation link for the customer: {link}")
            await administrator.approve_invitation(link, self._customer)
            self._view.show("The customer's administrator approved the invitation.")
            await self._api.of_tenant("POST", f"/runs/{invitation}/resume")
            await self._follow(step, "gdap.invite", invitation)
            return ["gdap.relationship"]
        if step == MAPPING_STEP:
            await self._follow(step, "gdap.map_groups", await self._start("gdap.map_groups"))
            return ["gdap.roles", "gdap.group_mapping"]
        return []

    async def _start(self, name: str) -> int:
        return int((await self._api.of_tenant("POST", f"/tasks/{name}/runs"))["run_id"])

    async def _wait_until_waiting(self, step: int, name: str, run_id: int) -> dict[str, Any]:
        deadline = time.monotonic() + RUN_TIMEOUT
        while True:
            run = await self._api.of_tenant("GET", f"/runs/{run_id}")
            self._view.show_run(step, name, run)
            if run.get("waiting"):
                return dict(run["waiting"])
            if run["state"] in TERMINAL_STATES or time.monotonic() > deadline:
                raise CommandError(Exit.FAILED, f"run {run_id} of {name} ended without waiting: {run['state']}")
            await asyncio.sleep(POLL_SECONDS)

    async def _run_all(self, step: int, names: Sequence[str]) -> None:
        """Run the tasks concurrently and wait until each has ended, or waits for the customer."""
        await asyncio.gather(*(self._run(step, name) for name in names))

    async def _run(self, step: int, name: str) -> None:
        await self._follow(step, name, await self._start(name))

    async def _follow(self, step: int, name: str, run_id: int) -> None:
        """Show a run until it has ended. Without an administrator, a run that waits for the customer is left."""
        deadline = time.monotonic() + RUN_TIMEOUT
        while True:
            run = await self._api.of_tenant("GET", f"/runs/{run_id}")
            self._view.show_run(step, name, run)
            waits = (run.get("waiting") or {}).get("reason_code") in AWAITED
            if waits and self._administrator is None:
                self.outcome.verdicts[name] = "waiting"
                return
            if run["state"] in TERMINAL_STATES:
                self.outcome.runs.append(run["id"])
                self.outcome.verdicts[name] = str((run.get("result") or {}).get("status"))
                return
            if time.monotonic() > deadline:
                raise CommandError(Exit.FAILED, f"run {run['id']} of {name} did not end in {RUN_TIMEOUT:g} s")
            await asyncio.sleep(POLL_SECONDS)

    async def _complete(self) -> None:
        session = self.outcome.session
        try:
            self.outcome.session = await self._api.of_tenant("POST", f"/session/{session['id']}/complete")
        except Refused as refused:
            self._view.show(f"Completion refused: {refused.status} {refused.code}: {refused}.")
            return
        self._view.enter(6)
        self._view.show(f"Session {session['id']} is completed.")

    async def _read_evidence(self) -> None:
        """Wait for the evidence of all runs, which is stored shortly after their end."""
        deadline = time.monotonic() + 30.0
        wanted = set(self.outcome.runs)
        while True:
            evidence = await self._api.of_tenant("GET", "/evidence?limit=200")
            recorded = [item for item in evidence if item["operation_run_id"] in wanted]
            if len(recorded) == len(wanted):
                break
            if time.monotonic() > deadline:
                raise CommandError(
                    Exit.FAILED, f"{len(wanted) - len(recorded)} of {len(wanted)} runs left no evidence in 30 s"
                )
            await asyncio.sleep(POLL_SECONDS)
        self.outcome.evidence = sorted(recorded, key=lambda item: item["id"])
        self.outcome.verification = await self._api.of_tenant("GET", "/evidence/verification")

    async def _change(self, session: dict[str, Any], **change: Any) -> dict[str, Any]:
        changed = await self._api.of_tenant("PATCH", f"/session/{session['id']}", change)
        return dict(changed)
