"""Frequent counters and histograms are on the page as the library's are."""

from collections.abc import Iterator

import pytest
from prometheus_client import REGISTRY, CollectorRegistry, Counter, Histogram, disable_created_metrics, generate_latest

from onboarding_shared.telemetry import frequent_metrics
from onboarding_shared.telemetry.frequent_metrics import FrequentCounter, FrequentHistogram
from tests.support.function_calls import CountedCalls

BUCKETS = (0.5, 1.0, 60.0)


@pytest.fixture
def registry(monkeypatch: pytest.MonkeyPatch) -> Iterator[CollectorRegistry]:
    """The registry of the frequent metrics of a test."""
    disable_created_metrics()
    registry = CollectorRegistry()
    monkeypatch.setattr(frequent_metrics, "REGISTRY", registry)
    yield registry


def test_a_counter_is_shown_as_the_librarys(registry: CollectorRegistry) -> None:
    others = CollectorRegistry()
    plain, labelled = FrequentCounter("plain_total", "Text"), FrequentCounter("labelled_total", "Text", "event")
    their_plain = Counter("plain_total", "Text", registry=others)
    their_labelled = Counter("labelled_total", "Text", ["event"], registry=others)
    assert generate_latest(registry) == generate_latest(others)

    plain.add()
    plain.add(2.5)
    labelled.add(label="wait")
    their_plain.inc()
    their_plain.inc(2.5)
    their_labelled.labels("wait").inc()

    assert generate_latest(registry) == generate_latest(others)


def test_a_histogram_is_shown_as_the_librarys(registry: CollectorRegistry) -> None:
    others = CollectorRegistry()
    plain = FrequentHistogram("plain_seconds", "Text", buckets=BUCKETS)
    labelled = FrequentHistogram("labelled_seconds", "Text", "task_type", buckets=BUCKETS)
    their_plain = Histogram("plain_seconds", "Text", buckets=BUCKETS, registry=others)
    their_labelled = Histogram("labelled_seconds", "Text", ["task_type"], buckets=BUCKETS, registry=others)
    assert generate_latest(registry) == generate_latest(others)

    for value in (0.0, 0.5, 0.7, 60.0, 61.0):
        plain.add(value)
        labelled.add(value, "a.b")
        their_plain.observe(value)
        their_labelled.labels("a.b").observe(value)

    assert generate_latest(registry) == generate_latest(others)


def test_a_name_is_given_once() -> None:
    metric = FrequentCounter("given_once_total", "Text")
    try:
        with pytest.raises(ValueError, match="Duplicated"):
            FrequentCounter("given_once_total", "Text")
    finally:
        REGISTRY.unregister(metric)


def test_a_value_takes_one_call(registry: CollectorRegistry) -> None:
    histogram = FrequentHistogram("seconds", "Text", "task_type", buckets=BUCKETS)
    histogram.add(0.7, "a.b")

    with CountedCalls() as calls:
        histogram.add(0.7, "a.b")

    assert calls.total == 1
