"""What `doctor` finds on a deployment that is reached by address and token."""

import json
from datetime import UTC, datetime
from typing import Any

import pytest

from onboarding_devstack.cli.exits import Exit
from onboarding_devstack.cli.operate import deployment_checks
from onboarding_devstack.cli.operate.deployment_checks import of_clock, of_services
from tests.unit.devstack.cli.operate.conftest import Api

NOON = datetime(2026, 11, 24, 12, tzinfo=UTC)
ME = {"user_id": 7, "operates_platform": True, "expires_at": "2026-11-24T18:00:00Z"}


def process(service: str = "session-api", **more: Any) -> dict[str, Any]:
    well = {"instance": "one", "version": "1.0.0", "reachable": True, "ready": True, "checks": [], "error": None}
    return {"service": service, **well, "outbox_age_seconds": 0.0, "dead_letters": 0, "queue_age_seconds": None} | more


def runner(**more: Any) -> dict[str, Any]:
    return process("task-runner", **{"queue_age_seconds": 0.5, **more})


def bad(*processes: dict[str, Any]) -> dict[str, str]:
    """Name → finding of each check that fails."""
    return {finding.name: finding.finding for finding in of_services(processes) if not finding.ok}


def test_services_that_are_well_pass() -> None:
    assert bad(process(), runner()) == {}


def test_a_process_that_is_not_ready_names_its_checks() -> None:
    checks = [{"name": "database", "status": "UP"}, {"name": "kafka", "status": "DOWN"}]

    assert bad(process(ready=False, checks=checks), runner()) == {"session-api one": "not ready: kafka"}


def test_a_service_that_does_not_answer_is_told_with_its_error() -> None:
    gone = runner(instance=None, reachable=False, ready=False, error="Connection refused")

    assert bad(process(), gone) == {"task-runner": "Connection refused", "runs that are due": "unknown"}


@pytest.mark.parametrize(
    ("figures", "expected"),
    [
        ({"dead_letters": 3}, {"dead letters": "3 of task-runner"}),
        ({"dead_letters": None}, {"dead letters": "unknown of task-runner"}),
        ({"outbox_age_seconds": 31.0}, {"messages to publish": "one of task-runner has waited 31 s"}),
        ({"outbox_age_seconds": None}, {"messages to publish": "unknown"}),
        ({"queue_age_seconds": 61.0}, {"runs that are due": "one of task-runner has waited 61 s"}),
    ],
)
def test_work_that_is_stuck_is_told(figures: dict[str, Any], expected: dict[str, str]) -> None:
    assert bad(process(), runner(**figures)) == expected


@pytest.mark.parametrize(
    ("date", "ok"),
    [
        ("Tue, 24 Nov 2026 12:00:05 GMT", True),
        ("Tue, 24 Nov 2026 12:00:06 GMT", False),
        ("Tue, 24 Nov 2026 11:59:54 GMT", False),
        ("yesterday", False),
        (None, False),
    ],
)
def test_clocks_may_differ_by_five_seconds(date: str | None, ok: bool) -> None:
    assert of_clock(date, NOON).ok is ok


def test_doctor_examines_a_deployment_by_its_address(
    api: Api, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(deployment_checks, "_certificate_end", lambda *_: datetime(2000, 1, 1, tzinfo=UTC))
    api.gives("/me", ME, date=datetime.now(UTC).strftime("%a, %d %b %Y %H:%M:%S GMT"))
    api.gives("/onboarding/services", [process(), runner()])

    assert api.command("doctor", "--json") == Exit.FAILED
    findings = {finding["name"]: finding for finding in json.loads(capsys.readouterr().out)}
    assert [name for name, finding in findings.items() if not finding["ok"]] == ["certificate of session-api"]
    assert findings["certificate of session-api"]["finding"] == "ended on 2000-01-01"
    assert findings["token"]["finding"] == "of user 7, an operator, until 2026-11-24T18:00 UTC"


def test_a_certificate_that_cannot_be_read_is_unknown(api: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    def unreachable(*_: object) -> datetime:
        raise OSError("timed out")

    monkeypatch.setattr(deployment_checks, "_certificate_end", unreachable)
    api.gives("/me", ME)
    api.gives("/onboarding/services", [])

    assert api.command("doctor") == Exit.FAILED


def test_services_are_unknown_to_who_is_no_operator(
    api: Api, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(deployment_checks, "_certificate_end", lambda *_: datetime(2099, 1, 1, tzinfo=UTC))
    api.gives("/me", ME | {"operates_platform": False}, date=datetime.now(UTC).strftime("%a, %d %b %Y %H:%M:%S GMT"))
    refused = {"code": "PERMISSION_MISSING", "error": "Missing.", "permission": "onboarding.platform"}
    api.gives("/onboarding/services", refused, status=403)

    assert api.command("doctor") == Exit.FAILED
    assert "services: unknown: 403 PERMISSION_MISSING: Missing. (onboarding.platform)" in capsys.readouterr().out
