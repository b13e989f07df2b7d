"""A look at a recorded customer: every check of every step, whether or not the wizard would go on."""

from onboarding_devstack.cli.demo.story import STEP_TITLES, Outcome, Story


class Survey(Story):
    """Runs what only reads, step by step, and moves the wizard as far as it goes."""

    async def tell(self) -> Outcome:
        """From the empty session to the sealed evidence. Raises `Refused` where the API says no unexpectedly."""
        self._stage.enter(1)
        await self._begin()
        goes_on = True
        for step in STEP_TITLES:
            if not goes_on:
                self._stage.tell(f"Step {step}, {STEP_TITLES[step].lower()}, is looked at all the same.")
            await self._run_all(step, self._checks_of(step))
            if goes_on and step < len(STEP_TITLES):
                goes_on = await self._go_to(step + 1)
        if goes_on:
            await self._complete()
        await self._read_evidence()
        self.outcome.tasks = await self._api.of_tenant("GET", "/tasks")
        return self.outcome

    def _checks_of(self, step: int) -> list[str]:
        return [one["name"] for one in self._catalogue if one["step"] == step and one["mode"] == "shared"]
