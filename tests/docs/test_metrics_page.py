"""docs/metrics.md has every metric of each service, as its process exposes it without database and broker."""

import contextlib
import re
from collections.abc import Iterator, Mapping
from pathlib import Path

import httpx2
import pytest
import yaml
from prometheus_client import REGISTRY
from prometheus_client.metrics import MetricWrapperBase

from onboarding_shared.telemetry.frequent_metrics import FrequentCounter, FrequentHistogram
from tests.docs.tables import DOCS, ROOT, rows, words
from tests.support.alone import Alone, alone
from tests.support.scraped import Scraped

PAGE = DOCS / "metrics.md"
ALERTS = ROOT / "deploy/observability/alerts.yml"
SERVICES = {"S": "session_api", "R": "task_runner", "E": "evidence_store"}


@pytest.fixture(scope="module")
def pages(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Mapping[str, Scraped]]:
    """The metrics page of each service's process, without any of its dependencies."""
    folder = tmp_path_factory.mktemp("metrics")
    with contextlib.ExitStack() as stack:
        started = {letter: stack.enter_context(alone(package, folder)) for letter, package in SERVICES.items()}
        yield {letter: Scraped(answer(service)) for letter, service in started.items()}


def answer(service: Alone) -> str:
    """The metrics page of a process."""
    page = httpx2.get(f"{service.url}/metrics", trust_env=False, verify=False, timeout=10)
    assert page.status_code == 200
    return page.text


def ours(page: Scraped) -> set[str]:
    return {name for name in page.names if name.startswith("onboarding_")}


def test_the_metrics_page_has_exactly_the_metrics_of_services(pages: Mapping[str, Scraped]) -> None:
    documented = {words(row[0])[0]: row[3].split() for row in rows(PAGE)}

    assert {letter: {name for name, letters in documented.items() if letter in letters} for letter in SERVICES} == {
        letter: ours(page) for letter, page in pages.items()
    }


def test_every_type_and_meaning_is_the_one_of_the_page(pages: Mapping[str, Scraped]) -> None:
    documented = {words(row[0])[0]: (row[1], row[4]) for row in rows(PAGE)}

    for page in pages.values():
        assert {name: (page.types[name], page.help[name]) for name in ours(page)} == {
            name: documented[name] for name in ours(page)
        }


def test_the_metrics_page_has_every_label(pages: Mapping[str, Scraped]) -> None:
    documented = {words(row[0])[0]: set(words(row[2])) for row in rows(PAGE)}
    declared = {
        f"{metric._name}{'_total' if metric._type == 'counter' else ''}": set(metric._labelnames)
        for metric in REGISTRY._collector_to_names
        if isinstance(metric, MetricWrapperBase) and metric._name.startswith("onboarding_")
    } | {
        metric.name: set(metric.labels)
        for metric in REGISTRY._collector_to_names
        if isinstance(metric, FrequentCounter | FrequentHistogram)
    }

    assert {name: labels for name, labels in documented.items() if name in declared} == declared
    for page in pages.values():
        for sample in page.samples:
            if sample.name in documented:
                assert set(sample.labels) == documented[sample.name]


def test_without_its_database_a_service_says_so(pages: Mapping[str, Scraped]) -> None:
    for page in pages.values():
        assert page.value("onboarding_database_up") == 0
        assert page.value("onboarding_outbox_messages") is None
        assert page.value("onboarding_readiness_up", check="database") == 0


def test_alerts_name_only_metrics_that_are_there(pages: Mapping[str, Scraped]) -> None:
    known = {suffixed for page in pages.values() for name in page.names for suffixed in series(name, page.types[name])}

    used = [name for rule in alerts() for name in metric_names(rule["expr"])]
    assert used
    assert [name for name in used if name not in known] == []


def test_a_file_of_bindings_that_is_missing_raises_its_metric(tmp_path: Path, pages: Mapping[str, Scraped]) -> None:
    with alone("task_runner", tmp_path, ONBOARDING_TENANT_BINDINGS=str(tmp_path / "bindings.json")) as runner:
        assert Scraped(answer(runner)).value("onboarding_tenant_bindings_unusable") == 1

    assert pages["R"].value("onboarding_tenant_bindings_unusable") == 0


def test_every_alert_has_a_summary_and_a_severity() -> None:
    for rule in alerts():
        assert rule["labels"]["severity"] in ("page", "ticket"), rule["alert"]
        assert rule["annotations"].keys() == {"summary", "description"}, rule["alert"]
    names = [rule["alert"] for rule in alerts()]
    assert len(names) == len(set(names))


def test_every_alert_is_explained() -> None:
    page = DOCS / "how-to/observe.md"

    assert [words(row[0])[0] for row in rows(page, "Alerts")] == [rule["alert"] for rule in alerts()]


def alerts() -> list[dict[str, dict[str, str]]]:
    """Every alerting rule of the file."""
    return [rule for group in yaml.safe_load(ALERTS.read_text())["groups"] for rule in group["rules"]]


def metric_names(expression: object) -> list[str]:
    """The words of an expression that look like metrics of ours or of the process."""
    return re.findall(r"\b(?:onboarding|process|python)_[a-z_]+", str(expression))


def series(name: str, kind: str) -> tuple[str, ...]:
    """The names of a metric's time series."""
    return (f"{name}_bucket", f"{name}_count", f"{name}_sum") if kind == "histogram" else (name,)
