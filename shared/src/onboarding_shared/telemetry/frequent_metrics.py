"""A counter and a histogram for what happens with every run: one look-up and two sums for each value.

The library's take about ten function calls for a value, for locks that one thread does not need and checks of labels.
"""

from bisect import bisect_left
from collections.abc import Iterator, Sequence

from prometheus_client import REGISTRY
from prometheus_client.core import CounterMetricFamily, HistogramMetricFamily, Metric


class FrequentCounter:
    """A counter with at most one label. Without a label it is 0 from the beginning."""

    def __init__(self, name: str, text: str, label: str | None = None) -> None:
        self.name = name
        self.labels = [] if label is None else [label]
        self._text = text
        self._totals: dict[str | None, float] = {None: 0.0} if label is None else {}
        REGISTRY.register(self)

    def add(self, value: float = 1.0, label: str | None = None) -> None:
        """Add to the counter, or to that with this value of its label."""
        self._totals[label] = self._totals.get(label, 0.0) + value

    def collect(self) -> Iterator[Metric]:
        """See ``prometheus_client.registry.Collector``."""
        family = CounterMetricFamily(self.name, self._text, labels=self.labels)
        for label, total in self._totals.items():
            family.add_metric([] if label is None else [label], total)
        yield family


class FrequentHistogram:
    """A histogram with at most one label. Without a label it is empty from the beginning."""

    def __init__(self, name: str, text: str, label: str | None = None, *, buckets: Sequence[float]) -> None:
        """``buckets`` are the upper bounds, ascending and without that of infinity."""
        self.name = name
        self.labels = [] if label is None else [label]
        self._text = text
        self._bounds = tuple(buckets)
        self._rows: dict[str | None, list[float]] = {}
        """For each value of the label the count of each bucket, and the sum."""
        if label is None:
            self._row(None)
        REGISTRY.register(self)

    def add(self, value: float, label: str | None = None) -> None:
        """Include a value, in the histogram or in that with this value of its label."""
        row = self._rows.get(label) or self._row(label)
        row[bisect_left(self._bounds, value)] += 1
        row[-1] += value

    def _row(self, label: str | None) -> list[float]:
        return self._rows.setdefault(label, [0.0] * (len(self._bounds) + 2))

    def collect(self) -> Iterator[Metric]:
        """See ``prometheus_client.registry.Collector``."""
        family = HistogramMetricFamily(self.name, self._text, labels=self.labels)
        for label, row in self._rows.items():
            total = 0.0
            buckets: list[tuple[str, float]] = []
            for bound, count in zip((*map(str, self._bounds), "+Inf"), row[:-1], strict=True):
                total += count
                buckets.append((bound, total))
            family.add_metric([] if label is None else [label], buckets, row[-1])
        yield family
