"""The files for Prometheus and Grafana: valid, about metrics that exist, and mounted where compose starts them."""

import subprocess
from pathlib import Path

import pytest
import yaml

from tests.docs.tables import DOCS, rows, words
from tests.support.compose_file import compose
from tests.support.dashboards import (
    AFTER_A_FAULT,
    FOLDER,
    WITH_CERTIFICATES,
    dashboard_queries,
    dashboards,
    metrics,
)
from tests.support.prometheus import NEEDED

KNOWN = {words(row[0])[0] for row in rows(DOCS / "metrics.md")}
OF_THE_CLIENT = {"process_cpu_seconds_total", "process_resident_memory_bytes"}
"""Metrics of the Prometheus client itself."""


def promtool(*arguments: str | Path) -> str:
    """The output of promtool; a check that fails shows it."""
    ended = subprocess.run(["promtool", *arguments], capture_output=True, text=True, timeout=60)
    assert ended.returncode == 0, ended.stdout + ended.stderr
    return ended.stdout


@NEEDED
def test_prometheus_takes_its_configuration_and_rules() -> None:
    assert "SUCCESS" in promtool("check", "config", FOLDER / "prometheus.yml")


@NEEDED
def test_alerts_fire_when_they_should_and_only_then() -> None:
    assert "SUCCESS" in promtool("test", "rules", Path(__file__).parent / "alert_rules.yml")


def test_dashboards_name_only_metrics_that_are_there() -> None:
    assert {
        panel: unknown for panel, query in dashboard_queries() if (unknown := metrics(query) - KNOWN - OF_THE_CLIENT)
    } == {}


def test_every_metric_is_on_a_dashboard_but_these() -> None:
    shown = {metric for _, query in dashboard_queries() for metric in metrics(query)}

    # What they count is retried, or seen by what it leads to: readiness, ages and alerts.
    assert KNOWN - shown == {
        "onboarding_database_up",
        "onboarding_relay_up",
        "onboarding_dead_letters_removed_total",
        "onboarding_dead_letter_sweep_failures_total",
        "onboarding_sweep_failures_total",
        "onboarding_task_types_held_total",
        "onboarding_results_dropped_total",
        "onboarding_tasks_abandoned_total",
        "onboarding_worker_loop_failures_total",
    }


def test_a_metric_that_may_have_no_series_has_labels() -> None:
    labelled = {words(row[0])[0] for row in rows(DOCS / "metrics.md") if row[2]}

    assert labelled >= AFTER_A_FAULT | WITH_CERTIFICATES


@pytest.mark.parametrize("name", dashboards())
def test_the_panels_of_a_dashboard_do_not_overlap(name: str) -> None:
    places = [panel["gridPos"] for panel in dashboards()[name]["panels"]]
    cells = [
        (column, row)
        for place in places
        for column in range(place["x"], place["x"] + place["w"])
        for row in range(place["y"], place["y"] + place["h"])
    ]

    assert max(column for column, _ in cells) < 24
    assert len(cells) == len(set(cells))


def test_dashboards_and_their_panels_can_be_told_apart() -> None:
    boards = list(dashboards().values())

    assert len({board["uid"] for board in boards}) == len({board["title"] for board in boards}) == len(boards) == 4
    for board in boards:
        assert len({panel["id"] for panel in board["panels"]}) == len(board["panels"])


def test_grafana_reads_the_dashboards_where_compose_mounts_them() -> None:
    (provider,) = yaml.safe_load((FOLDER / "dashboards.yml").read_text(encoding="utf-8"))["providers"]
    (source,) = [
        source
        for source in yaml.safe_load((FOLDER / "datasources.yml").read_text(encoding="utf-8"))["datasources"]
        if source["type"] == "prometheus"
    ]
    mounted = dict(volume.split(":")[:2] for volume in compose()["services"]["grafana"]["volumes"])

    assert mounted["./deploy/observability/dashboards"] == provider["options"]["path"]
    assert mounted["./deploy/observability/dashboards.yml"].startswith("/etc/grafana/provisioning/dashboards/")
    for board in dashboards().values():
        (variable,) = board["templating"]["list"]
        assert (variable["query"], variable["current"]["value"]) == ("prometheus", source["uid"])
