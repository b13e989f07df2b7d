"""Is the process alive, and can it work: the two questions of an orchestrator.

``/health/live`` asks only the liveness probes (none by default): a failing database must not get a healthy process
killed. ``/health/ready`` asks everything the service needs.
"""

import asyncio
import math
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any

import structlog
from msgspec import Struct

PROBE_SECONDS = 2.0

log = structlog.get_logger("onboarding.health")

Probe = Callable[[], Awaitable[Mapping[str, Any] | None]]


class HealthCheck(Struct, frozen=True):
    """One thing to ask. The probe raises when it is not well; what it returns is shown as ``data``."""

    name: str
    probe: Probe


class CheckReport(Struct, frozen=True):
    """What one probe found."""

    name: str
    status: str
    data: Mapping[str, Any]


class HealthReport(Struct, frozen=True):
    """``UP`` only when every check is."""

    status: str
    checks: Sequence[CheckReport]


class HealthProbes:
    """Asks all probes at once, each for at most ``PROBE_SECONDS``.

    Callers that come while the probes run share the answer, so that nobody can flood the database through a health
    page. A probe that hangs even when cancelled is not waited for, and not started again before it is gone.
    """

    def __init__(self, checks: Sequence[HealthCheck], timeout: float = PROBE_SECONDS) -> None:
        self._checks = tuple(checks)
        self._timeout = timeout
        self._round: asyncio.Task[HealthReport] | None = None
        self._last = HealthReport("UP", ())
        self._last_at = -math.inf
        self._hanging: dict[str, asyncio.Task[Any]] = {}

    async def report(self) -> HealthReport:
        """What all probes say now. Never raises."""
        if not self._checks:
            return HealthReport("UP", ())
        if self._round is None or self._round.done():
            self._round = asyncio.create_task(self._ask_all())
        return await asyncio.shield(self._round)

    async def recent(self, seconds: float) -> HealthReport:
        """What was found in the last ``seconds``; where nobody asked in that time, what all probes say now."""
        return self._last if time.monotonic() - self._last_at < seconds else await self.report()

    async def _ask_all(self) -> HealthReport:
        reports = await asyncio.gather(*(self._ask(check) for check in self._checks))
        up = all(report.status == "UP" for report in reports)
        self._last, self._last_at = HealthReport("UP" if up else "DOWN", reports), time.monotonic()
        return self._last

    async def _ask(self, check: HealthCheck) -> CheckReport:
        previous = self._hanging.get(check.name)
        if previous is not None and not previous.done():
            return CheckReport(check.name, "DOWN", {"error": "still hanging"})
        task = asyncio.ensure_future(check.probe())
        done, _ = await asyncio.wait({task}, timeout=self._timeout)
        if not done:
            task.cancel()
            task.add_done_callback(_take_result)
            self._hanging[check.name] = task
            log.warning("health probe timed out", check=check.name, seconds=self._timeout)
            return CheckReport(check.name, "DOWN", {"error": f"no answer within {self._timeout:g} s"})
        error = task.exception() if not task.cancelled() else asyncio.CancelledError()
        if error is not None:
            log.warning("health probe failed", check=check.name, error=repr(error))
            return CheckReport(check.name, "DOWN", {"error": type(error).__name__})
        return CheckReport(check.name, "UP", task.result() or {})


def _take_result(task: asyncio.Task[Any]) -> None:
    if not task.cancelled():
        task.exception()
