"""Turns of reports: fair among callers, and bounded."""

import asyncio

import pytest

from session_api.use_cases.report_turns import MOST, MOST_OF_CALLER, ReportTurns, TooManyReports


class Makers:
    """Requests for reports that are made until they are released. ``making`` has the callers of those under way."""

    def __init__(self) -> None:
        self.turns = ReportTurns()
        self.making: list[int] = []
        self.tasks: list[asyncio.Task[None]] = []
        self._release = asyncio.Event()

    async def ask(self, *users: int) -> None:
        self.tasks += [asyncio.create_task(self._make(user)) for user in users]
        await asyncio.sleep(0)
        await asyncio.sleep(0)

    async def _make(self, user: int) -> None:
        async with self.turns.turn(user):
            self.making.append(user)
            await self._release.wait()

    async def end(self) -> list[BaseException | None]:
        self._release.set()
        return await asyncio.gather(*self.tasks, return_exceptions=True)


async def test_a_caller_with_many_reports_leaves_a_place_for_others() -> None:
    makers = Makers()
    await makers.ask(7, 7, 7, 8)

    assert makers.making == [7, 8]
    await makers.end()
    assert sorted(makers.making) == [7, 7, 7, 8]


async def test_two_reports_are_made_at_a_time() -> None:
    makers = Makers()
    await makers.ask(1, 2, 3)

    assert makers.making == [1, 2]
    await makers.end()


async def test_one_report_too_many_of_a_caller_is_refused() -> None:
    makers = Makers()
    await makers.ask(*[7] * (MOST_OF_CALLER + 1), 8)
    *made, refused, other = await makers.end()

    assert [*made, other] == [None] * (MOST_OF_CALLER + 1)
    assert isinstance(refused, TooManyReports)
    assert refused.of_caller
    async with makers.turns.turn(7):
        pass


async def test_one_report_too_many_of_all_is_refused() -> None:
    makers = Makers()
    await makers.ask(*range(1, MOST + 1))
    with pytest.raises(TooManyReports) as refused:
        async with makers.turns.turn(999):
            pass

    assert not refused.value.of_caller
    await makers.end()


async def test_a_caller_that_leaves_gives_its_turn_back() -> None:
    makers = Makers()
    await makers.ask(*[7] * MOST_OF_CALLER)
    for task in makers.tasks:
        task.cancel()
    await makers.end()

    async with makers.turns.turn(7):
        pass
