"""The story: one technician begins, a second one takes over, five steps, every task a run, evidence for each."""

import asyncio
import time
import uuid
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from onboarding_devstack.cli.demo.api import Api, Refused
from onboarding_devstack.cli.demo.stage import TERMINAL_STATES, Stage, StepView, TaskView
from onboarding_devstack.cli.exits import CommandError, Exit

STEP_TITLES = {
    1: "Relationship",
    2: "Access",
    3: "Consent",
    4: "Connectivity and licences",
    5: "Security baseline",
}
CREDENTIAL = "env:ONBOARDING_DEMO_CLIENT_SECRET"
REPAIRS = {"app.consent": "app.consent_grant"}
GOOD = ("ok", "warn")
RUN_PATIENCE = 180.0
POLL_SECONDS = 0.1


@dataclass
class Outcome:
    """How it went: the runs that were started, the latest verdicts, the evidence, its seal.

    `tasks` is how the API sums up each task, where somebody asked for it.
    """

    session: dict[str, Any] = field(default_factory=dict)
    runs: list[int] = field(default_factory=list)
    verdicts: dict[str, str] = field(default_factory=dict)
    evidence: list[dict[str, Any]] = field(default_factory=list)
    verification: dict[str, Any] = field(default_factory=dict)
    tasks: list[dict[str, Any]] = field(default_factory=list)

    @property
    def good(self) -> bool:
        """Whether the tenant is onboarded: session completed, every verdict good, the evidence as it was sealed."""
        return (
            self.session.get("status") == "completed"
            and all(status in GOOD for status in self.verdicts.values())
            and bool(self.verification.get("verified"))
        )


def steps_of(catalogue: Sequence[dict[str, Any]]) -> dict[int, StepView]:
    """The wizard's steps with the tasks that the catalogue declares for them."""
    return {
        number: StepView(title, {one["name"]: TaskView(one["title"]) for one in catalogue if one["step"] == number})
        for number, title in STEP_TITLES.items()
    }


class Story:
    """Tells it. `second` is a colleague's view of the same tenant; without one nobody takes over.

    `customer` is the customer's tenant id at Microsoft.
    """

    def __init__(
        self, first: Api, second: Api | None, stage: Stage, catalogue: Sequence[dict[str, Any]], customer: str
    ) -> None:
        self._api = first
        self._second = second
        self._stage = stage
        self._catalogue = catalogue
        self._customer = customer
        self.outcome = Outcome()

    async def tell(self) -> Outcome:
        """From the empty session to the sealed evidence. Raises `Refused` where the API says no unexpectedly."""
        self._stage.enter(1)
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
        self._stage.tell(f"User {session['locked_by_user_id']} opens session {session['id']} and holds the edit lock.")
        connection = await self._api.of_tenant(
            "POST",
            "/provider-connections",
            {
                "display_name": f"Customer of tenant {self._api.tenant}",
                "external_tenant_id": self._customer,
                "client_id": str(uuid.uuid5(uuid.NAMESPACE_DNS, "application.onboarding.localhost")),
                "credential_ref": CREDENTIAL,
            },
        )
        self._stage.tell(f"Provider connection {connection['id']}; its credential is only named: {CREDENTIAL}.")
        self.outcome.session = await self._change(session, provider_connection_id=connection["id"])

    async def _assign(self) -> None:
        user = self.outcome.session["locked_by_user_id"]
        self.outcome.session = await self._change(self.outcome.session, assigned_to_user_id=user)
        self._stage.tell(f"The session is assigned to user {user}.")

    async def _take_over(self, second: Api) -> None:
        path = f"/session/{self.outcome.session['id']}"
        try:
            await second.of_tenant("PATCH", path, {})
        except Refused as refused:
            self._stage.tell(f"A colleague wants to go on: {refused.status} {refused.code}: {refused}.")
        self.outcome.session = await second.of_tenant("PATCH", path, {"takeover": True})
        self._api = second
        self._stage.tell(f"Taken over: user {self.outcome.session['locked_by_user_id']} holds the edit lock now.")

    async def _go_to(self, step: int) -> bool:
        """Whether the wizard moved forward."""
        try:
            self.outcome.session = await self._change(self.outcome.session, current_step=step)
        except Refused as refused:
            self._stage.tell(f"The wizard does not go on: {refused.status} {refused.code}: {refused}.")
            return False
        self._stage.enter(step)
        return True

    async def _do_tasks(self, step: int) -> None:
        required = [one["name"] for one in self._catalogue if one["step"] == step and one["required"]]
        await self._run_all(step, required)
        open_questions = [name for name in required if self.outcome.verdicts[name] == "unknown"]
        if open_questions:
            self._stage.tell(f"Unknown is not ok: {', '.join(open_questions)} is asked once more.")
            await self._run_all(step, open_questions)
        for name in required:
            repair = REPAIRS.get(name)
            known = any(one["name"] == repair for one in self._catalogue)
            if repair and known and self.outcome.verdicts[name] not in GOOD:
                self._stage.tell(f"{name} is not good, so {repair} puts it right.")
                await self._run_all(step, [repair])
                await self._run_all(step, [name])

    async def _run_all(self, step: int, names: Sequence[str]) -> None:
        """Start the tasks at once and watch them to their end."""
        await asyncio.gather(*(self._run(step, name) for name in names))

    async def _run(self, step: int, name: str) -> None:
        started = await self._api.of_tenant("POST", f"/tasks/{name}/runs")
        self.outcome.runs.append(started["run_id"])
        deadline = time.monotonic() + RUN_PATIENCE
        while True:
            run = await self._api.of_tenant("GET", f"/runs/{started['run_id']}")
            self._stage.show_run(step, name, run)
            if run["state"] in TERMINAL_STATES:
                self.outcome.verdicts[name] = str((run.get("result") or {}).get("status"))
                return
            if time.monotonic() > deadline:
                raise CommandError(Exit.FAILED, f"run {run['id']} of {name} did not end in {RUN_PATIENCE:g} s")
            await asyncio.sleep(POLL_SECONDS)

    async def _complete(self) -> None:
        session = self.outcome.session
        try:
            self.outcome.session = await self._api.of_tenant("POST", f"/session/{session['id']}/complete")
        except Refused as refused:
            self._stage.tell(f"The session cannot be completed: {refused.status} {refused.code}: {refused}.")
            return
        self._stage.enter(6)
        self._stage.tell(f"Session {session['id']} is completed.")

    async def _read_evidence(self) -> None:
        """Evidence follows its run by moments."""
        deadline = time.monotonic() + 30.0
        wanted = set(self.outcome.runs)
        while True:
            found = await self._api.of_tenant("GET", "/evidence?limit=200")
            ours = [one for one in found if one["operation_run_id"] in wanted]
            if len(ours) == len(wanted):
                break
            if time.monotonic() > deadline:
                raise CommandError(
                    Exit.FAILED, f"{len(wanted) - len(ours)} of {len(wanted)} runs left no evidence in 30 s"
                )
            await asyncio.sleep(POLL_SECONDS)
        self.outcome.evidence = sorted(ours, key=lambda one: one["id"])
        self.outcome.verification = await self._api.of_tenant("GET", "/evidence/verification")

    async def _change(self, session: dict[str, Any], **change: Any) -> dict[str, Any]:
        changed = await self._api.of_tenant("PATCH", f"/session/{session['id']}", change)
        return dict(changed)
