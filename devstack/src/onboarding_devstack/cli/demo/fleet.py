"""The demo of a recorded customer: every check of every step, even if the wizard cannot continue."""

from onboarding_devstack.cli.demo.run import STEP_TITLES, DemoRun, Outcome


class FleetDemo(DemoRun):
    """Runs all shared tasks, step by step, and moves the wizard as far as possible."""

    async def run(self) -> Outcome:
        """Run the demo from the new session to the sealed evidence. Raises `Refused` for an unexpected error."""
        self._view.enter(1)
        await self._begin()
        can_continue = True
        for step in STEP_TITLES:
            if not can_continue:
                self._view.show(f"Step {step}, {STEP_TITLES[step].lower()}, is checked nevertheless.")
            await self._run_all(step, self._checks_of(step))
            if can_continue and step < len(STEP_TITLES):
                can_continue = await self._go_to(step + 1)
        if can_continue:
            await self._complete()
        await self._read_evidence()
        self.outcome.tasks = await self._api.of_tenant("GET", "/tasks")
        return self.outcome

    def _checks_of(self, step: int) -> list[str]:
        return [task["name"] for task in self._catalogue if task["step"] == step and task["mode"] == "shared"]
