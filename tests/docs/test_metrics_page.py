"""docs/metrics.md has every metric of each service, as its process exposes it without database and broker."""

import contextlib
import os
import re
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from pathlib import Path

import httpx2
import pytest
import yaml
from prometheus_client import REGISTRY
from prometheus_client.metrics import MetricWrapperBase

import evidence_store.app
import session_api.app
import task_runner.app
from onboarding_devstack.identity import ISSUER, Identity
from tests.docs.tables import DOCS, ROOT, rows, words
from tests.support.engines import free_port
from tests.support.scraped import Scraped

PAGE = DOCS / "metrics.md"
ALERTS = ROOT / "deploy/observability/alerts.yml"
SERVICES = {"S": session_api.app, "R": task_runner.app, "E": evidence_store.app}


@pytest.fixture(scope="module")
def pages(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Mapping[str, Scraped]]:
    """The metrics page of each service's process, without any of its dependencies."""
    folder = tmp_path_factory.mktemp("metrics")
    with contextlib.ExitStack() as stack:
        started = {letter: (stack.enter_context(alone(module, folder))) for letter, module in SERVICES.items()}
        yield {letter: Scraped(answer(url)) for letter, url in started.items()}


@contextlib.contextmanager
def alone(module: object, folder: Path) -> Iterator[str]:
    """A service's process with nobody to talk to; yields its address."""
    identity = Identity(folder)
    identity.ensure()
    port = free_port()
    environment = {
        "PATH": os.environ["PATH"],
        "DATABASE_URL": f"postgresql://nobody@127.0.0.1:{free_port()}/nothing",
        "KAFKA_BOOTSTRAP_SERVERS": f"127.0.0.1:{free_port()}",
        "ONBOARDING_PORT": str(port),
        "ONBOARDING_JWKS": str(identity.jwks),
        "ONBOARDING_JWT_ISSUER": ISSUER,
        "ONBOARDING_EVIDENCE_STORE_URL": "http://127.0.0.1:9",
        "ONBOARDING_DRAIN_SECONDS": "1",
    }
    package = str(getattr(module, "__package__", ""))
    process = subprocess.Popen(
        [sys.executable, "-m", package, "serve"], env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    try:
        yield f"http://127.0.0.1:{port}"
    finally:
        process.kill()
        process.wait()


def answer(url: str) -> str:
    """The metrics page, waiting for the process to listen."""
    deadline = time.monotonic() + 60
    while True:
        try:
            page = httpx2.get(f"{url}/metrics", trust_env=False, verify=False, timeout=10)
        except httpx2.TransportError:
            assert time.monotonic() < deadline, f"{url} does not listen"
            time.sleep(0.1)
        else:
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
        f"{one._name}{'_total' if one._type == 'counter' else ''}": set(one._labelnames)
        for one in REGISTRY._collector_to_names
        if isinstance(one, MetricWrapperBase) and one._name.startswith("onboarding_")
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
