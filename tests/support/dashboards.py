"""The dashboards, alerting rules and metric names that operators get, as values."""

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import yaml

ROOT = Path(__file__).parents[2]
FOLDER = ROOT / "deploy/observability"
AFTER_A_FAULT = {
    "onboarding_chain_breaks_total",
    "onboarding_consumer_rebuilds_total",
    "onboarding_consumer_retries_total",
    "onboarding_dead_letters_total",
    "onboarding_followed_records_ignored_total",
    "onboarding_http_unread_answers_total",
    "onboarding_leases_expired_total",
    "onboarding_messages_passed_over_total",
    "onboarding_old_rows_removed_total",
    "onboarding_sequence_jumps_total",
}
"""Counters whose labels say what failed or was removed: a healthy system with its defaults has no series of them."""
WITH_CERTIFICATES = {"onboarding_credential_expires_at_seconds"}
"""The credential of this system is a secret, which has no known end."""
_SELECTOR = re.compile(r"\b(onboarding_[a-z_]+|process_[a-z_]+)(\{[^}]*\})?")
_SUFFIX = re.compile(r"_(bucket|count|sum)$")


def dashboards() -> dict[str, dict[str, Any]]:
    """File name → dashboard."""
    files = sorted((FOLDER / "dashboards").glob("*.json"))
    return {file.name: json.loads(file.read_text(encoding="utf-8")) for file in files}


def dashboard_queries() -> Iterator[tuple[str, str]]:
    """Dashboard and panel as text, and each query of it, with the interval that Grafana would put in."""
    for name, dashboard in dashboards().items():
        for panel in dashboard["panels"]:
            for target in panel["targets"]:
                yield f"{name}: {panel['title']}", target["expr"].replace("$__rate_interval", "1m")


def alerting_rules() -> list[dict[str, Any]]:
    """Every rule of alerts.yml."""
    groups = yaml.safe_load((FOLDER / "alerts.yml").read_text(encoding="utf-8"))["groups"]
    return [rule for group in groups for rule in group["rules"]]


def selectors(expression: str) -> set[str]:
    """The selectors of an expression: metric names with their label matchers."""
    return {f"{name}{matchers or ''}" for name, matchers in _SELECTOR.findall(expression)}


def metrics(expression: str) -> set[str]:
    """The metrics of an expression, histograms without the suffix of their series."""
    return {_SUFFIX.sub("", selector.partition("{")[0]) for selector in selectors(expression)}
