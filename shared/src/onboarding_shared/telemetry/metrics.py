"""The metrics page: what Prometheus scrapes from a process.

Names are ``onboarding_<noun>_<unit>[_total]``, times are seconds. Labels are bounded: routes, topics, task types,
states, never a tenant or a run. A scrape always answers, and costs the database one statement in five seconds at most.
"""

import asyncio
import platform
import time
from bisect import bisect_left
from collections.abc import Awaitable, Callable, Iterable, Iterator, Mapping, Sequence
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

from onboarding_shared.telemetry.health import HealthProbes

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"
FRESH_SECONDS = 5.0
"""What was asked of others (database, readiness) is served again for so long."""
PATIENCE_SECONDS = 2.0
"""How long a scrape waits for the database before it answers without."""
HTTP_BOUNDS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)
UNROUTED = "unrouted"
"""The route of requests that were refused before, or found no route."""

_METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})
_log = structlog.get_logger("onboarding.metrics")

disable_created_metrics()


class Gauge(Struct, frozen=True):
    """A gauge, whoever measures it; ``label`` is the name of its only label, where it has one."""

    name: str
    help: str
    label: str | None = None


class Reading(NamedTuple):
    """One value of a gauge, for one value of its label."""

    gauge: Gauge
    value: float
    label: str | None = None


class Live:
    """Gauges whose values this process knows: they are looked at when somebody scrapes."""

    def __init__(self, gauges: Sequence[Gauge], look: Callable[[], Iterable[Reading]]) -> None:
        """A gauge that ``look`` says nothing of has no value now."""
        self._gauges = gauges
        self._look = look

    def collect(self) -> Iterator[Metric]:
        """See ``prometheus_client.registry.Collector``."""
        return _families(self._gauges, self._look())


class Backlog:
    """Gauges that stand in the database: read when somebody scrapes, at most every ``FRESH_SECONDS``.

    While the database does not answer they have no values, and ``onboarding_database_up`` is 0.
    """

    UP = Gauge("onboarding_database_up", "Whether the database answered the statement behind the other gauges in time")

    def __init__(self, gauges: Sequence[Gauge], read: Callable[[], Awaitable[Sequence[Reading]]]) -> None:
        self._gauges = gauges
        self._read = read
        self._reading: asyncio.Task[Sequence[Reading]] | None = None
        self._known: Sequence[Reading] | None = None
        self._known_at = -FRESH_SECONDS

    async def refresh(self) -> None:
        """Read again unless it was just done. Never raises, and takes ``PATIENCE_SECONDS`` at most.

        A statement that takes longer goes on, and no other begins before it has ended.
        """
        if self._reading is None:
            if time.monotonic() - self._known_at < FRESH_SECONDS:
                return
            self._reading = asyncio.ensure_future(self._read())
        done, _ = await asyncio.wait({self._reading}, timeout=PATIENCE_SECONDS)
        if not done:
            self._known = None
            return
        reading, self._reading, self._known_at = self._reading, None, time.monotonic()
        error = reading.exception()
        self._known = None if error else reading.result()
        if error:
            _log.warning("backlog_unknown", reason=repr(error))

    def collect(self) -> Iterator[Metric]:
        """See ``prometheus_client.registry.Collector``."""
        yield from _families([self.UP], [Reading(self.UP, 0.0 if self._known is None else 1.0)])
        yield from _families(self._gauges, self._known or ())


class Requests:
    """HTTP requests by route, method and status. Ours, because it is passed by every request: one look-up, two sums."""

    def __init__(self) -> None:
        self._rows: dict[tuple[str, str | None, int], list[float]] = {}

    def note(self, method: str, route: str | None, status: int, seconds: float) -> None:
        """One request was answered with ``status``."""
        row = self._rows.get((method, route, status)) or self._row(method, route, status)
        row[bisect_left(HTTP_BOUNDS, seconds)] += 1
        row[-1] += seconds

    def _row(self, method: str, route: str | None, status: int) -> list[float]:
        """How many there were up to each bound, and the sum. A method may be any text: those nobody knows are one."""
        known = method if method in _METHODS else "_OTHER"
        return self._rows.setdefault((known, route, status), [0.0] * (len(HTTP_BOUNDS) + 2))

    def collect(self) -> Iterator[Metric]:
        """See ``prometheus_client.registry.Collector``."""
        counts = CounterMetricFamily(
            "onboarding_http_requests_total", "HTTP requests that were answered", labels=["method", "route", "status"]
        )
        durations: dict[tuple[str, str], list[float]] = {}
        for (method, route, status), row in self._rows.items():
            place = route or UNROUTED
            counts.add_metric([method, place, str(status)], sum(row[:-1]))
            before = durations.get((method, place), [0.0] * len(row))
            durations[(method, place)] = [one + other for one, other in zip(before, row, strict=True)]
        yield counts
        histogram = HistogramMetricFamily(
            "onboarding_http_request_duration_seconds", "Time to answer an HTTP request", labels=["method", "route"]
        )
        for labels, row in durations.items():
            histogram.add_metric(list(labels), _buckets(row), row[-1])
        yield histogram


class MetricsPage:
    """Everything a process tells Prometheus: what all parts count, and what belongs to this one service."""

    READY = Gauge("onboarding_readiness_up", "Whether a check of /health/ready is well", "check")

    def __init__(
        self, service: str, version: str, *, parts: Sequence[Collector] = (), backlog: Backlog | None = None
    ) -> None:
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

    def watch(self, probes: HealthProbes) -> None:
        """Tell the readiness that these probes find."""
        self._probes = probes

    async def render(self) -> bytes:
        """The page in Prometheus' text format. Never raises on account of a part that does not answer."""
        report, _ = await asyncio.gather(self._probes.recent(FRESH_SECONDS), self._refresh())
        self._ready = {check.name: check.status for check in report.checks}
        return generate_latest(self)

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
    found = {one.name: GaugeMetricFamily(one.name, one.help, labels=[one.label] if one.label else []) for one in gauges}
    for gauge, value, label in readings:
        found[gauge.name].add_metric([] if label is None else [label], value)
    return iter(found.values())


def _buckets(row: Sequence[float]) -> list[tuple[str, Any]]:
    total = 0.0
    buckets: list[tuple[str, Any]] = []
    for bound, count in zip((*map(str, HTTP_BOUNDS), "+Inf"), row, strict=False):
        total += count
        buckets.append((bound, total))
    return buckets
