"""Runs and dead letters that are changed together: which, after which question, and how it is told."""

import json
from typing import Any

import httpx2
import pytest

from onboarding_devstack.cli.exits import Exit
from tests.unit.devstack.cli.operate.conftest import Api

RUNS, CANCEL, RETRY = "/onboarding/runs", "/onboarding/runs/cancel", "/onboarding/runs/retry"
GROUPS = "/onboarding/dead-letters/groups"
GROUP = ["--service", "session-api", "--topic", "onboarding.operation-runs.v1", "--reason", "APPLY_FAILED"]


def a_run(run_id: int, tenant: int = 42, task: str = "license.inventory", state: str = "failed") -> dict[str, Any]:
    members = {"id": run_id, "tenant_id": tenant, "task_type": task, "state": state, "provider_connection_id": None}
    members |= {"dry_run": False}
    return members | {"result": None, "waiting": None, "attempt": 1, "created_at": "2026-11-24T09:30:00Z"}


def body(request: httpx2.Request) -> list[tuple[int, int]]:
    """Tenant and id of each run of a request."""
    return [(run["tenant_id"], run["run_id"]) for run in json.loads(request.content)["runs"]]


def accept(request: httpx2.Request) -> httpx2.Response:
    outcomes = [
        {"tenant_id": tenant, "run_id": run, "state": "cancelling", "error": None} for tenant, run in body(request)
    ]
    return httpx2.Response(200, json=outcomes)


def test_named_runs_are_cancelled_without_a_question(api: Api, capsys: pytest.CaptureFixture[str]) -> None:
    api.answers["POST", CANCEL] = accept

    assert api.command("runs", "cancel", "42/17", "43/18", "42/17") == Exit.OK
    assert [body(request) for request in api.requests] == [[(42, 17), (43, 18)]]
    assert [json.loads(line)["run_id"] for line in capsys.readouterr().out.splitlines()] == [17, 18]


def test_a_change_by_options_needs_a_yes(api: Api, capsys: pytest.CaptureFixture[str]) -> None:
    api.gives(RUNS, [a_run(17, state="waiting")])

    assert api.command("runs", "cancel", "--task", "license.inventory") == Exit.USAGE
    assert api.asked() == [f"GET {RUNS}?state=queued&state=running&state=waiting&taskType=license.inventory&limit=200"]
    assert "--yes" in capsys.readouterr().err


def test_chosen_runs_are_cancelled_a_hundred_at_once(api: Api) -> None:
    api.gives("/tenants/42/onboarding/runs", [a_run(number, state="queued") for number in range(1, 102)])
    api.answers["POST", CANCEL] = accept

    assert api.command("runs", "cancel", "--tenant", "42", "--older-than", "2h", "--yes") == Exit.OK
    assert "older_than_seconds=7200" in api.asked()[0]
    assert [len(body(request)) for request in api.requests[1:]] == [100, 1]


def test_a_dry_run_shows_the_runs_and_changes_nothing(api: Api, capsys: pytest.CaptureFixture[str]) -> None:
    api.gives(RUNS, [a_run(17, state="waiting"), a_run(18, tenant=43, state="queued")])

    assert api.command("runs", "cancel", "--all", "--dry-run") == Exit.OK
    captured = capsys.readouterr()
    assert [json.loads(line)["id"] for line in captured.out.splitlines()] == [17, 18]
    assert "2 runs of 2 tenants to cancel; nothing was changed" in captured.err
    assert [request.method for request in api.requests] == ["GET"]


def test_a_retry_repeats_the_newest_run_of_each_task(api: Api) -> None:
    api.gives(RUNS, [a_run(20), a_run(19, task="app.consent"), a_run(18), a_run(17, tenant=43)])
    answered = {"tenant_id": 42, "run_id": 20, "new_run_id": 21, "error": None}
    api.gives(RETRY, [answered], method="POST")

    assert api.command("runs", "retry", "--all", "--yes") == Exit.OK
    assert api.asked()[0] == f"GET {RUNS}?state=failed&state=timed_out&limit=200"
    assert body(api.requests[2]) == [(42, 20), (42, 19), (43, 17)]
    assert api.requests[2].headers["idempotency-key"]


def test_a_retry_leaves_out_what_ran_again_since(api: Api) -> None:
    failed = [a_run(18), a_run(17, task="app.consent"), a_run(16, task="app.consent") | {"dry_run": True}]
    later = [a_run(20, state="succeeded"), a_run(19, task="app.consent") | {"dry_run": True}]
    api.answers["GET", RUNS] = lambda request: httpx2.Response(
        200, json=failed if "state=succeeded" not in str(request.url) else later + failed
    )
    api.gives(RETRY, [{"tenant_id": 42, "run_id": 17, "new_run_id": 21, "error": None}], method="POST")

    assert api.command("runs", "retry", "--older-than", "2h", "--yes") == Exit.OK
    assert "older_than_seconds" not in api.asked()[1]
    assert body(api.requests[2]) == [(42, 17)]


def test_a_retry_of_a_session_counts_runs_of_others(api: Api) -> None:
    path = "/tenants/42/onboarding/runs"
    api.answers["GET", path] = lambda request: httpx2.Response(
        200, json=[a_run(18)] if "session" in request.url.params else [a_run(20, state="succeeded"), a_run(18)]
    )
    api.gives(RETRY, [], method="POST")

    assert api.command("runs", "retry", "--tenant", "42", "--session", "3", "--yes") == Exit.OK
    assert [request.method for request in api.requests] == ["GET", "GET"]


def test_a_refused_run_is_told_and_fails_the_command(api: Api, capsys: pytest.CaptureFixture[str]) -> None:
    error = {"code": "RUN_ENDED", "error": "The run has ended.", "next": "Read its result."}
    answered = [
        {"tenant_id": 42, "run_id": 17, "state": None, "error": error},
        {"tenant_id": 42, "run_id": 18, "state": "cancelling", "error": None},
    ]
    api.gives(CANCEL, answered, method="POST")

    assert api.command("runs", "cancel", "42/17", "42/18") == Exit.FAILED
    captured = capsys.readouterr()
    assert json.loads(captured.out.splitlines()[0])["error"]["code"] == "RUN_ENDED"
    assert "1 of 2 refused" in captured.err
    assert "try: Read its result." in captured.err


def test_nothing_to_change_asks_nobody_and_is_no_failure(api: Api) -> None:
    api.gives(RUNS, [])

    assert api.command("runs", "cancel", "--all") == Exit.OK
    assert [request.method for request in api.requests] == ["GET"]


def test_a_group_is_replayed_until_each_was_tried(api: Api, capsys: pytest.CaptureFixture[str]) -> None:
    group = {"source_topic": GROUP[3], "reason_code": GROUP[5], "count": 250, "example_id": 1}
    api.gives(GROUPS, [group])
    rounds = iter([(199, 1, 51), (50, 1, 1)])

    def replay(_: httpx2.Request) -> httpx2.Response:
        replayed, rejected, remaining = next(rounds)
        sums = {"replayed": replayed, "rejected": rejected, "discarded": 0, "skipped": 0, "remaining": remaining}
        return httpx2.Response(200, json=sums)

    api.answers["POST", f"{GROUPS}/replay"] = replay

    assert api.command("dlq", "replay", *GROUP, "--yes") == Exit.FAILED
    shown = json.loads(capsys.readouterr().out)
    assert (shown["replayed"], shown["rejected"], shown["remaining"]) == (249, 2, 1)
    assert api.asked()[1:] == [f"POST {GROUPS}/replay?service=session-api"] * 2


def test_a_group_without_dead_letters_is_named(api: Api, capsys: pytest.CaptureFixture[str]) -> None:
    api.gives(GROUPS, [])

    assert api.command("dlq", "discard", *GROUP, "--yes") == Exit.FAILED
    assert "no dead letter is kept for APPLY_FAILED of onboarding.operation-runs.v1" in capsys.readouterr().err


def test_a_dead_letter_is_named_with_its_service(api: Api, capsys: pytest.CaptureFixture[str]) -> None:
    path = "/onboarding/dead-letters/12/replay"
    api.gives(path, {"id": 12, "outcome": "applied", "reason_code": None, "detail": None}, method="POST")

    assert api.command("dlq", "replay", "evidence-store/12") == Exit.OK
    assert api.asked() == [f"POST {path}?service=evidence-store"]
    assert json.loads(capsys.readouterr().out)["service"] == "evidence-store"


def test_a_runners_dead_letters_have_no_api(api: Api, capsys: pytest.CaptureFixture[str]) -> None:
    assert api.command("dlq", "list", "--service", "task-runner") == Exit.CONFLICT
    assert "task-runner dlq" in capsys.readouterr().err
