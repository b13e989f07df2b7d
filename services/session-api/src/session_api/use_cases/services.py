"""The services as operators see them: this process itself, and the others by their health pages."""

import asyncio
from collections.abc import Mapping

from onboarding_shared.telemetry.metrics import MetricsPage
from session_api.clients.service_states import ServiceStates, StateUnknown
from session_api.domain.services import ServiceReport, report_of


class Services:
    """Reads the state of all services at once. A service that does not answer is reported and raises nothing."""

    def __init__(self, page: MetricsPage, states: ServiceStates, addresses: Mapping[str, str]) -> None:
        """``addresses``: service → the address of its health pages; empty = not configured."""
        self._page = page
        self._states = states
        self._addresses = addresses

    async def look(self) -> list[ServiceReport]:
        """One report for this process, and one for each process of the others that answered or should have."""
        own, *others = await asyncio.gather(
            self._own(), *(self._other(service, url) for service, url in self._addresses.items())
        )
        return [report for reports in (own, *others) for report in reports]

    async def _own(self) -> list[ServiceReport]:
        state = await self._page.state()
        return [report_of(state.service, state)]

    async def _other(self, service: str, url: str) -> list[ServiceReport]:
        if not url:
            return [ServiceReport(service, error="The address of its health pages is not configured")]
        return [
            ServiceReport(service, error=str(answer))
            if isinstance(answer, StateUnknown)
            else report_of(service, answer)
            for answer in await self._states.ask(url)
        ]
