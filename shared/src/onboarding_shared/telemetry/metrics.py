"""The metrics page of a process, in the format of Prometheus, and its state for other programs.

Names are ``onboarding_<noun>_<unit>[_total]``, times are seconds. Labels are bounded: routes, topics, task types,
states, never a tenant or a run. A scrape always succeeds, and runs at most one SQL statement in five seconds.
"""

import asyncio
import os
import platform
import time
from bisect import bisect_left
from collections.abc import Awaitable, Callable, Iterable, Iterator, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any, NamedTuple

import structlog
from msgspec import Struct
from prometheus_client import REGISTRY, disable_created_metrics, generate_latest
from prometheus_client.core import (
    CounterMetricFamily,
    GaugeMetricFamily,
    HistogramMetricFamily,
    InfoMetricFamily,
    Metric,
)
from prometheus_client.registry import Collector

from onboarding_shared.contracts.service_states import CheckState, GaugeState, ServiceState
from onboarding_shared.telemetry.health import HealthProbes, HealthReport

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"
FRESH_SECONDS = 5.0
"""Time for which results of the database and the readiness checks are reused."""
READ_TIMEOUT_SECONDS = 2.0
"""Time that a scrape waits for the database before it omits its values."""
HTTP_BOUNDS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)
UNROUTED = "unrouted"
"""The route label of requests that were rejected before routing or matched no route."""

_METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})
_log = structlog.get_logger("onboarding.metrics")

disable_created_metrics()


class Gauge(Struct, frozen=True):
    """The definition of a gauge; ``label`` is the name of its label, if any."""

    name: str
    help: str
    label: str | None = None


class Reading(NamedTuple):
    """One value of a gauge, for one value of its label."""

    gauge: Gauge
    value: float
    label: str | None = None


class Live:
    """Gauges that this process measures itself at each scrape."""

    def __init__(self, gauges: Sequence[Gauge], measure: Callable[[], Iterable[Reading]]) -> None:
        """A gauge that ``measure`` omits has no value."""
        self._gauges = gauges
        self.readings = measure

    def collect(self) -> Iterator[Metric]:
        """See ``prometheus_client.registry.Collector``."""
        return _families(self._gauges, self.readings())


class Backlog:
    """Gauges from the database: read at a scrape, at most every ``FRESH_SECONDS``.

    While the database does not respond they have no values, and ``onboarding_database_up`` is 0.
    """

    UP = Gauge("onboarding_database_up", "Whether the database answered the statement behind the other gauges in time")

    def __init__(self, gauges: Sequence[Gauge], read: Callable[[], Awaitable[Sequence[Reading]]]) -> None:
        self._gauges = gauges
        self._read = read
        self._reading: asyncio.Task[Sequence[Reading]] | None = None
        self._known: Sequence[Reading] | None = None
        self._known_at = -FRESH_SECONDS

    async def refresh(self) -> None:
        """Read the values unless they are fresh. Never raises, and takes at most ``READ_TIMEOUT_SECONDS``.

        A statement that takes longer continues, and no other starts before it has ended.
        """
        if self._reading is None:
            if time.monotonic() - self._known_at < FRESH_SECONDS:
                return
            self._reading = asyncio.ensure_future(self._read())
        done, _ = await asyncio.wait({self._reading}, timeout=READ_TIMEOUT_SECONDS)
        if not done:
            self._known = None
            return
        reading, self._reading, self._known_at = self._reading, None, time.monotonic()
        error = reading.exception()
        self._known = None if error else reading.result()
        if error:
            _log.warning("backlog_unknown", reason=repr(error))

    def readings(self) -> Sequence[Reading]:
        """The values of the last reading."""
        return [Reading(self.UP, 0.0 if self._known is None else 1.0), *(self._known or ())]

    def collect(self) -> Iterator[Metric]:
        """See ``prometheus_client.registry.Collector``."""
        return _families([self.UP, *self._gauges], self.readings())


class Requests:
    """HTTP requests by route, method and status; cheaper than the library's collectors: one look-up, two sums."""

    def __init__(self) -> None:
        self._rows: dict[tuple[str, str | None, int], list[float]] = {}

    def note(self, method: str, route: str | None, status: int, seconds: float) -> None:
        """Count a request that was answered with ``status``."""
        row = self._rows.get((method, route, status)) or self._row(method, route, status)
        row[bisect_left(HTTP_BOUNDS, seconds)] += 1
        row[-1] += seconds

    def _row(self, method: str, route: str | None, status: int) -> list[float]:
        """Create the row of a label set: the count per bucket, and the sum. Unknown methods share one row."""
        known = method if method in _METHODS else "_OTHER"
        return self._rows.setdefault((known, route, status), [0.0] * (len(HTTP_BOUNDS) + 2))

    def collect(self) -> Iterator[Metric]:
        """See ``prometheus_client.registry.Collector``."""
        counts = CounterMetricFamily(
            "onboarding_http_requests_total", "HTTP requests that were answered", labels=["method", "route", "status"]
        )
        durations: dict[tuple[str, str], list[float]] = {}
        for (method, route, status), row in self._rows.items():
            route_label = route or UNROUTED
            counts.add_metric([method, route_label, str(status)], sum(row[:-1]))
            before = durations.get((method, route_label), [0.0] * len(row))
            durations[(method, route_label)] = [total + count for total, count in zip(before, row, strict=True)]
        yield counts
        histogram = HistogramMetricFamily(
            "onboarding_http_request_duration_seconds", "Time to answer an HTTP request", labels=["method", "route"]
        )
        for labels, row in durations.items():
            histogram.add_metric(list(labels), _buckets(row), row[-1])
        yield histogram


class MetricsPage:
    """The metrics page: the metrics of all parts of the process."""

    READY = Gauge("onboarding_readiness_up", "Whether a check of /health/ready is well", "check")

    def __init__(
        self, service: str, version: str, *, parts: Sequence[Collector] = (), backlog: Backlog | None = None
    ) -> None:
        self._service, self._version, self._started_at = service, version, datetime.now(UTC)
        self._build = InfoMetricFamily(
            "onboarding_build",
            "What runs here",
            value={"service": service, "version": version, "python": platform.python_version()},
        )
        self._backlog = backlog
        self._probes = HealthProbes(())
        self.requests = Requests()
        self._parts = [*parts, *([] if backlog is None else [backlog]), self.requests]
        self._ready: Mapping[str, str] = {}

    def add(self, part: Collector) -> None:
        """Include the metrics of another part of the process."""
        self._parts.append(part)

    def watch(self, probes: HealthProbes) -> None:
        """Include the results of these readiness probes."""
        self._probes = probes

    async def render(self) -> bytes:
        """Render the page in the text format of Prometheus. Never raises for a part that does not respond."""
        report = await self._read()
        self._ready = {check.name: check.status for check in report.checks}
        return generate_latest(self)

    async def state(self) -> ServiceState:
        """The state of the process, with all gauges. Never raises for a part that does not respond."""
        report = await self._read()
        readings = [reading for part in self._parts if isinstance(part, Live | Backlog) for reading in part.readings()]
        return ServiceState(
            service=self._service,
            version=self._version,
            instance=f"{platform.node()}/{os.getpid()}",
            started_at=self._started_at,
            ready=report.status == "UP",
            checks=[CheckState(check.name, "UP" if check.status == "UP" else "DOWN") for check in report.checks],
            gauges=[GaugeState(gauge.name, value, label) for gauge, value, label in readings],
        )

    async def _read(self) -> HealthReport:
        report, _ = await asyncio.gather(self._probes.recent(FRESH_SECONDS), self._refresh())
        return report

    async def _refresh(self) -> None:
        if self._backlog is not None:
            await self._backlog.refresh()

    def collect(self) -> Iterator[Metric]:
        """See ``prometheus_client.registry.Collector``."""
        yield self._build
        yield from _families(
            [self.READY], [Reading(self.READY, float(status == "UP"), name) for name, status in self._ready.items()]
        )
        for part in self._parts:
            yield from part.collect()
        yield from REGISTRY.collect()


def _families(gauges: Sequence[Gauge], readings: Iterable[Reading]) -> Iterator[Metric]:
    families = {
        gauge.name: GaugeMetricFamily(gauge.name, gauge.help, labels=[gauge.label] if gauge.label else [])
        for gauge in gauges
    }
    for gauge, value, label in readings:
        families[gauge.name].add_metric([] if label is None else [label], value)
    return iter(families.values())


def _buckets(row: Sequence[float]) -> list[tuple[str, Any]]:
    total = 0.0
    buckets: list[tuple[str, Any]] = []
    for bound, count in zip((*map(str, HTTP_BOUNDS), "+Inf"), row, strict=False):
        total += count
        buckets.append((bound, total))
    return buckets
