"""`task run`: what it sends, what it tells of a run, and its exit code."""

import json
from pathlib import Path
from typing import Any

import httpx2
import pytest

from onboarding_devstack.cli.app import run
from onboarding_devstack.cli.exits import Exit
from onboarding_devstack.cli.operate import client
from onboarding_devstack.cli.operate.client import Client
from onboarding_devstack.cli.operate.deployment import Deployment, target_of
from onboarding_devstack.cli.task.run import state_line, verdict

RUN = ["task", "run", "graph.connectivity", "--tenant", "42"]
HERE = ["--address", "http://127.0.0.1:9", "--token", "t"]


@pytest.mark.parametrize(
    ("state", "status", "code"),
    [
        ("succeeded", "ok", 0),
        ("succeeded", "warn", 0),
        ("succeeded", "fail", 3),
        ("succeeded", "unknown", 3),
        ("failed", "unknown", 1),
        ("timed_out", "unknown", 1),
        ("cancelled", None, 1),
    ],
)
def test_the_exit_code_is_the_verdict(state: str, status: str | None, code: int) -> None:
    assert verdict({"state": state, "result": {"status": status}}) == code


@pytest.mark.parametrize(
    ("state", "line"),
    [
        ({"state": "queued", "attempt": 0}, "run 9: queued"),
        ({"state": "running", "attempt": 2}, "run 9: running, attempt 2"),
        (
            {"state": "running", "attempt": 1, "progress": {"done": 1, "total": 3, "message": "Reading"}},
            "run 9: running, 1 of 3 Reading",
        ),
        (
            {
                "state": "waiting",
                "attempt": 1,
                "waiting": {"reason_code": "A_B", "message": "Approve it.", "resume_at": "2026-11-24T18:00:00Z"},
            },
            "run 9: waiting, A_B: Approve it., again at 2026-11-24T18:00:00Z",
        ),
    ],
)
def test_a_run_that_goes_on_is_told_in_a_line(state: dict[str, Any], line: str) -> None:
    assert state_line({"id": 9, **state}) == line


@pytest.mark.parametrize(
    "arguments",
    [
        [*RUN, *HERE, "--inputs", "{"],
        [*RUN, *HERE, "--inputs", "[1]"],
        [*RUN, *HERE, "--timeout", "5"],
        ["task", "run", "graph.connectivity", "--tenant", "0", *HERE],
    ],
)
def test_a_run_that_cannot_be_started_so_is_wrong_usage(arguments: list[str]) -> None:
    assert run(arguments) == Exit.USAGE


def test_without_a_system_the_next_step_starts_one(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run([*RUN, "--data", str(tmp_path)]) == Exit.UNREACHABLE
    assert " up --data" in capsys.readouterr().err.replace("\n", " ")


def answering(monkeypatch: pytest.MonkeyPatch, *answers: httpx2.Response) -> list[httpx2.Request]:
    """Let the API answer so, one after the other; returns the requests."""
    requests: list[httpx2.Request] = []
    left = list(answers)

    def answer(request: httpx2.Request) -> httpx2.Response:
        requests.append(request)
        return left.pop(0)

    def client_of(deployment: Deployment) -> Client:
        return Client(target_of(deployment), httpx2.MockTransport(answer))

    monkeypatch.setattr(client, "client_of", client_of)
    return requests


def test_a_start_sends_inputs_and_prints_the_run(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    started = {"run_id": 9, "url": "/runs/9", "outcome": "created"}
    requests = answering(monkeypatch, httpx2.Response(201, json=started))
    assert run([*RUN, *HERE, "--inputs", '{"days": 3}', "--dry-run", "--connection", "5"]) == Exit.OK
    assert json.loads(requests[0].content) == {
        "provider_connection_id": 5,
        "inputs": {"days": 3},
        "dry_run": True,
    }
    assert json.loads(capsys.readouterr().out) == started


@pytest.mark.parametrize(("status", "code"), [(409, 4), (403, 4), (404, 1)])
def test_a_refusal_is_told_with_its_next_step(
    status: int, code: int, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    body = {"error": "No.", "code": "SOME_CODE", "next": "Do this."}
    answering(monkeypatch, httpx2.Response(status, json=body))
    assert run([*RUN, *HERE, "--wait"]) == code
    shown = capsys.readouterr()
    assert shown.out == ""
    assert "SOME_CODE" in shown.err
    assert "Do this." in shown.err


def test_a_run_that_outlasts_the_timeout_goes_on(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    run_now = {"id": 9, "state": "waiting", "attempt": 1, "url": "/tenants/42/onboarding/runs/9"}
    started = httpx2.Response(201, json={"run_id": 9, "url": "/r", "outcome": "created"})
    requests = answering(monkeypatch, started, *(httpx2.Response(200, json=run_now) for _ in range(5)))
    assert run([*RUN, *HERE, "--wait", "--timeout", "0.01"]) == Exit.FAILED
    told = capsys.readouterr().err.replace("\n", " ")
    assert "goes on" in told
    assert "runs show 42/9" in told
    assert requests[0].headers["idempotency-key"]
    assert {request.method for request in requests[1:]} == {"GET"}
