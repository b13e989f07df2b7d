import asyncio
import time
from collections.abc import Mapping
from typing import Any

import pytest
from litestar.testing import TestClient
from structlog.testing import capture_logs

from onboarding_shared.telemetry.health import HealthCheck, HealthProbes
from onboarding_shared.web.app import ApiDescription, build_http


async def well() -> Mapping[str, Any]:
    return {"lag": 3}


async def unanswered() -> None:
    return None


async def broken() -> None:
    raise ConnectionRefusedError("postgresql://app:hunter2@db refused")


async def hanging() -> None:
    await asyncio.sleep(60)


def test_ready_lists_every_check_with_its_data() -> None:
    checks = [HealthCheck("database", unanswered), HealthCheck("broker", well)]
    with TestClient(build_http(ApiDescription(title="x"), authenticator=None, checks=checks)) as client:
        response = client.get("/health/ready")
    assert response.status_code == 200
    assert response.json() == {
        "status": "UP",
        "checks": [
            {"name": "database", "status": "UP", "data": {}},
            {"name": "broker", "status": "UP", "data": {"lag": 3}},
        ],
    }


def test_one_broken_check_makes_it_a_503_without_telling_secrets() -> None:
    checks = [HealthCheck("database", broken), HealthCheck("broker", well)]
    with TestClient(build_http(ApiDescription(title="x"), authenticator=None, checks=checks)) as client:
        response = client.get("/health/ready")
    assert response.status_code == 503
    assert response.json()["status"] == "DOWN"
    assert response.json()["checks"][0] == {
        "name": "database",
        "status": "DOWN",
        "data": {"error": "ConnectionRefusedError"},
    }


def test_live_does_not_ask_what_ready_asks() -> None:
    with TestClient(
        build_http(ApiDescription(title="x"), authenticator=None, checks=[HealthCheck("database", broken)])
    ) as client:
        response = client.get("/health/live")
    assert (response.status_code, response.json()) == (200, {"status": "UP", "checks": []})


async def test_hanging_probes_are_given_up_together_after_the_limit(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("onboarding_shared.telemetry.health.PROBE_SECONDS", 0.1)
    probes = HealthProbes([HealthCheck("a", hanging), HealthCheck("b", hanging), HealthCheck("c", well)])
    started = time.monotonic()
    report = await probes.report()
    assert time.monotonic() - started < 1
    assert [check.status for check in report.checks] == ["DOWN", "DOWN", "UP"]


async def test_a_hanging_probe_is_neither_awaited_nor_started_twice(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("onboarding_shared.telemetry.health.PROBE_SECONDS", 0.05)
    started = 0

    async def stubborn() -> None:
        nonlocal started
        started += 1
        end = time.monotonic() + 0.5
        while time.monotonic() < end:
            try:
                await asyncio.sleep(0.05)
            except asyncio.CancelledError:
                continue

    probes = HealthProbes([HealthCheck("stubborn", stubborn)])
    before = time.monotonic()
    assert (await probes.report()).status == "DOWN"
    assert (await probes.report()).status == "DOWN"
    assert time.monotonic() - before < 0.4
    assert started == 1
    await asyncio.sleep(0.6)


async def test_callers_at_the_same_time_share_one_round() -> None:
    asked = 0

    async def count() -> None:
        nonlocal asked
        asked += 1
        await asyncio.sleep(0.05)

    probes = HealthProbes([HealthCheck("database", count)])
    await asyncio.gather(*(probes.report() for _ in range(50)))
    assert asked == 1
    await probes.report()
    assert asked == 2


async def test_a_caller_that_disconnects_does_not_affect_other_callers() -> None:
    async def slow() -> None:
        await asyncio.sleep(0.1)

    probes = HealthProbes([HealthCheck("database", slow)])
    first = asyncio.create_task(probes.report())
    second = asyncio.create_task(probes.report())
    await asyncio.sleep(0.02)
    first.cancel()
    assert (await second).status == "UP"


async def test_a_failure_is_logged_once_until_its_cause_changes() -> None:
    causes: list[str | None] = ["away", "away", "full", "full", None, None, "away"]

    async def probe() -> None:
        if (cause := causes.pop(0)) is not None:
            raise OSError(cause)

    probes = HealthProbes([HealthCheck("database", probe)])
    with capture_logs() as logs:
        for _ in range(7):
            await probes.report()

    assert [(line["event"], line.get("error")) for line in logs] == [
        ("health probe failed", "OSError('away')"),
        ("health probe failed", "OSError('full')"),
        ("health probe succeeds again", None),
        ("health probe failed", "OSError('away')"),
    ]
