"""Readiness checks: ``/health/ready`` probes every dependency of the service.

``/health/live`` probes none, so that an unavailable database does not cause a restart.
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


class NotReady(Exception):
    """The process is not ready; the text names the reason."""


class HealthCheck(Struct, frozen=True):
    """A named probe. It raises on failure; its result is reported as ``data``."""

    name: str
    probe: Probe


class CheckReport(Struct, frozen=True):
    """The result of one probe."""

    name: str
    status: str
    data: Mapping[str, Any]


class HealthReport(Struct, frozen=True):
    """The result of all probes; ``UP`` only if every check is."""

    status: str
    checks: Sequence[CheckReport]


_STOPPING = HealthReport("DOWN", (CheckReport("process", "DOWN", {"error": "stopping"}),))


class HealthProbes:
    """Runs all probes concurrently, each for at most ``PROBE_SECONDS``.

    Concurrent callers share a result, so that requests to a health page cannot overload the database. A probe that
    ignores cancellation is abandoned, and not started again before it has ended.
    """

    def __init__(self, checks: Sequence[HealthCheck]) -> None:
        self._checks = tuple(checks)
        self._running: asyncio.Task[HealthReport] | None = None
        self._last = HealthReport("UP", ())
        self._last_at = -math.inf
        self._hanging: dict[str, asyncio.Task[Any]] = {}
        self._reasons: dict[str, str] = {}
        self._stopping = False

    def stop(self) -> None:
        """Report ``DOWN`` from now on, because the process stops."""
        self._stopping = True

    async def report(self) -> HealthReport:
        """Run all probes. Never raises."""
        if self._stopping:
            return _STOPPING
        if not self._checks:
            return HealthReport("UP", ())
        if self._running is None or self._running.done():
            self._running = asyncio.create_task(self._run_all())
        return await asyncio.shield(self._running)

    async def recent(self, seconds: float) -> HealthReport:
        """Return the report of the last ``seconds``; without one, run all probes."""
        return self._last if time.monotonic() - self._last_at < seconds else await self.report()

    async def _run_all(self) -> HealthReport:
        reports = await asyncio.gather(*(self._run(check) for check in self._checks))
        up = all(report.status == "UP" for report in reports)
        self._last, self._last_at = HealthReport("UP" if up else "DOWN", reports), time.monotonic()
        return self._last

    async def _run(self, check: HealthCheck) -> CheckReport:
        previous = self._hanging.get(check.name)
        if previous is not None and not previous.done():
            return CheckReport(check.name, "DOWN", {"error": "still hanging"})
        task = asyncio.ensure_future(check.probe())
        done, _ = await asyncio.wait({task}, timeout=PROBE_SECONDS)
        if not done:
            task.cancel()
            task.add_done_callback(_take_result)
            self._hanging[check.name] = task
            self._note(check.name, f"no answer within {PROBE_SECONDS:g} s")
            return CheckReport(check.name, "DOWN", {"error": f"no answer within {PROBE_SECONDS:g} s"})
        error = task.exception() if not task.cancelled() else asyncio.CancelledError()
        if error is not None:
            self._note(check.name, repr(error))
            return CheckReport(check.name, "DOWN", {"error": type(error).__name__})
        if self._reasons.pop(check.name, None) is not None:
            log.info("health probe succeeds again", check=check.name)
        return CheckReport(check.name, "UP", task.result() or {})

    def _note(self, check: str, reason: str) -> None:
        """Log a failure once: pages are asked for all the time."""
        if self._reasons.get(check) != reason:
            self._reasons[check] = reason
            log.warning("health probe failed", check=check, error=reason)


def _take_result(task: asyncio.Task[Any]) -> None:
    if not task.cancelled():
        task.exception()
