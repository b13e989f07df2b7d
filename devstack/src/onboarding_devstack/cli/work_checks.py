"""The checks of `doctor` on the work of a running system: what its metrics say, and the clock of its database."""

import re
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from typing import Any

import httpx2
import msgspec

from onboarding_devstack.cli.exits import ours
from onboarding_devstack.cli.finding import Finding
from onboarding_devstack.cli.located import Running
from onboarding_devstack.engines import postgres
from onboarding_devstack.system import SERVICES, addresses, database_urls

OLDEST_MESSAGE_SECONDS = 30.0
OLDEST_RUN_SECONDS = 60.0
"""As the alerts OnboardingOutboxOld and OnboardingQueueOld."""
CLOCK_SECONDS = 5.0
"""Tokens are refused, and leases seem to end early or late, where clocks differ by more."""
PAGE_SECONDS = 5.0
CERTIFICATE_DAYS = 30
"""As the alert OnboardingCertificateExpires."""
RENEW = "put a new certificate in its place; at Microsoft, register it first"


def work_of(system: Running, option: str) -> Iterator[Finding]:
    """Examine a running system; `option` is the `--data` option for the suggested commands."""
    at = addresses(system.place)
    pages = {name: _page(at[name]) for name in SERVICES}
    yield from of_metrics(pages, option)
    yield from of_credentials(pages["task-runner"], datetime.now(UTC))
    yield of_tasks(_ready_report(at["task-runner"]), option)
    yield of_clock(postgres.clock_offset(database_urls(system.place)["session_api"]))


def of_credentials(page: str | None, now: datetime) -> Iterator[Finding]:
    """Return the findings on the ends of the certificates that task-runner has used, which its metrics page has."""
    for name, end in re.findall(
        r'^onboarding_credential_expires_at_seconds\{credential="(.*)"\} (\S+)$', page or "", re.M
    ):
        yield of_end(f"certificate of credential {name}", datetime.fromtimestamp(float(end), UTC), now)


def of_end(name: str, end: datetime, now: datetime) -> Finding:
    """Return the finding on the end of a certificate."""
    if end <= now:
        return Finding(name, False, f"ended on {end:%Y-%m-%d}", RENEW)
    days = (end - now).days
    return Finding(
        name,
        days >= CERTIFICATE_DAYS,
        f"ends on {end:%Y-%m-%d}, in {days} days",
        "" if days >= CERTIFICATE_DAYS else RENEW,
    )


def of_metrics(pages: Mapping[str, str | None], option: str) -> Iterator[Finding]:
    """Return the findings on the metrics pages of the services. A page or a number that is missing is no good sign."""
    yield _dead_letters({name: _total(page, "onboarding_dead_letters_kept") for name, page in pages.items()}, option)
    for name, metric, page_names, limit in (
        ("messages to publish", "onboarding_outbox_age_seconds", SERVICES, OLDEST_MESSAGE_SECONDS),
        ("runs that are due", "onboarding_queue_age_seconds", ("task-runner",), OLDEST_RUN_SECONDS),
    ):
        ages = {service: _total(pages[service], metric) for service in page_names}
        yield _waiting(name, ages, limit, option)


def of_tasks(report: object, option: str) -> Finding:
    """Return the finding on the tasks of task-runner, from its report on its readiness; None if there is none."""
    try:
        installed, problems = msgspec.convert(report, _Readiness).tasks()
    except (msgspec.ValidationError, LookupError):
        return Finding("tasks", False, "unknown: task-runner does not say", ours(f"logs task-runner{option}"))
    if not problems:
        return Finding("tasks", True, f"{installed} installed, all usable")
    return Finding("tasks", False, "; ".join(problems), ours(f"restart task-runner{option}"))


def of_clock(offset: float | None) -> Finding:
    """Return the finding on the difference of the database's clock from this machine's, in seconds."""
    if offset is None:
        return Finding("clock", False, "unknown: the database does not respond", ours("status"))
    ok = abs(offset) <= CLOCK_SECONDS
    ahead = "ahead of" if offset > 0 else "behind"
    text = f"the database is {abs(offset):.1f} s {ahead} this machine" if abs(offset) >= 0.1 else "that of the database"
    return Finding("clock", ok, text, "" if ok else "timedatectl set-ntp true")


def _dead_letters(kept: Mapping[str, float | None], option: str) -> Finding:
    told = {name: "unknown" if count is None else f"{count:.0f}" for name, count in kept.items() if count != 0}
    if not told:
        return Finding("dead letters", True, "none")
    finding = ", ".join(f"{count} of {name}" for name, count in told.items())
    return Finding("dead letters", False, finding, ours(f"dlq groups{option}"))


def _waiting(name: str, ages: Mapping[str, float | None], limit: float, option: str) -> Finding:
    unknown = [service for service, age in ages.items() if age is None]
    if unknown:
        return Finding(name, False, f"unknown of {', '.join(unknown)}", ours(f"logs {unknown[0]}{option}"))
    service, age = max(((service, age or 0.0) for service, age in ages.items()), key=lambda waiting: waiting[1])
    if age <= limit:
        return Finding(name, True, "none waits for long")
    return Finding(name, False, f"one of {service} has waited {age:.0f} s", ours(f"restart {service}{option}"))


def _total(page: str | None, metric: str) -> float | None:
    """The sum of a metric's samples; None if there is none."""
    samples = re.findall(rf"^{metric}(?:\{{.*\}})? (\S+)$", page or "", re.MULTILINE)
    return sum(map(float, samples)) if samples else None


class _Check(msgspec.Struct):
    name: str
    data: dict[str, Any] = {}


class _Readiness(msgspec.Struct):
    checks: list[_Check]

    def tasks(self) -> tuple[int, list[str]]:
        """The number of usable tasks and the problems of others. Raises ``LookupError``."""
        [data] = [check.data for check in self.checks if check.name == "tasks"] or [{}]
        return int(data["installed"]), [str(problem) for problem in data["problems"]]


def _ready_report(address: str) -> object:
    try:
        return httpx2.get(f"{address}/health/ready", trust_env=False, verify=False, timeout=PAGE_SECONDS).json()
    except (httpx2.TransportError, ValueError):
        return None


def _page(address: str) -> str | None:
    try:
        answer = httpx2.get(f"{address}/metrics", trust_env=False, verify=False, timeout=PAGE_SECONDS)
    except httpx2.TransportError:
        return None
    return answer.text if answer.status_code == 200 else None
