"""Sessions, edit locks, customers and evidence, as operators see and change them."""

import io
import json
from typing import Any

import pytest

from onboarding_devstack.cli.exits import Exit
from onboarding_devstack.cli.operate import rows
from onboarding_devstack.cli.operate.rows import member, name_of, show_rows, time_of
from tests.unit.devstack.cli.operate.conftest import Api

SESSION = "/tenants/42/onboarding/session/3"
TENANTS = "/onboarding/tenants"


def session(**members: Any) -> dict[str, Any]:
    return {"id": 3, "locked_by_user_id": None, "locked_until": None, **members}


def customer(tenant: int, latest: dict[str, Any] | None = None) -> dict[str, Any]:
    return {"tenant_id": tenant, "display_name": "Contoso", "session": latest, "counts": {}}


def printed(capsys: pytest.CaptureFixture[str]) -> list[dict[str, Any]]:
    return [json.loads(line) for line in capsys.readouterr().out.splitlines()]


def test_the_latest_session_of_each_tenant_is_listed(api: Api, capsys: pytest.CaptureFixture[str]) -> None:
    api.gives(TENANTS, [customer(41), customer(42, session())])

    assert api.command("sessions", "list", "--state", "open") == Exit.OK
    assert printed(capsys) == [{"tenant_id": 42, **session()}]
    assert api.asked() == [f"GET {TENANTS}?session=open&limit=50"]


def test_only_held_locks_are_listed(api: Api, capsys: pytest.CaptureFixture[str]) -> None:
    held = session(locked_by_user_id=8, locked_until="2026-11-24T09:30:00Z")
    api.gives(TENANTS, [customer(41, session()), customer(42, held)])

    assert api.command("locks", "list") == Exit.OK
    [lock] = printed(capsys)
    assert (lock["tenant_id"], lock["session_id"], lock["locked_by_user_id"]) == (42, 3, 8)


def test_an_own_lock_is_released_at_once(api: Api) -> None:
    api.gives(SESSION, session(locked_by_user_id=7, locked_until="2026-11-24T09:30:00Z"))
    api.gives("/me", {"user_id": 7})
    api.gives(f"{SESSION}/release", session(), method="POST")

    assert api.command("locks", "release", "42/3") == Exit.OK
    assert api.asked() == [f"GET {SESSION}", "GET /me", f"POST {SESSION}/release"]


def test_a_lock_of_another_user_is_asked_for(api: Api, capsys: pytest.CaptureFixture[str]) -> None:
    api.gives(SESSION, session(locked_by_user_id=8, locked_until="2026-11-24T09:30:00Z"))
    api.gives("/me", {"user_id": 7})

    assert api.command("locks", "release", "42/3") == Exit.USAGE
    assert "from user 8, who has it until 09:30 UTC" in capsys.readouterr().err
    assert [request.method for request in api.requests] == ["GET", "GET"]


def test_a_lock_of_another_user_is_taken_over_first(api: Api) -> None:
    api.gives(SESSION, session(locked_by_user_id=8, locked_until="2026-11-24T09:30:00Z"), ETag='"v3"')
    api.gives("/me", {"user_id": 7})
    api.gives(SESSION, session(locked_by_user_id=7), method="PATCH")
    api.gives(f"{SESSION}/release", session(), method="POST")

    assert api.command("locks", "release", "42/3", "--yes") == Exit.OK
    assert api.asked()[2:] == [f"PATCH {SESSION}", f"POST {SESSION}/release"]
    assert json.loads(api.requests[2].content) == {"takeover": True}
    assert api.requests[2].headers["if-match"] == '"v3"', "the lock that was asked about, and no later one"


@pytest.mark.parametrize(("holder", "released"), [(None, True), (8, True), (7, False)])
def test_an_assignment_gives_back_a_lock_it_took(api: Api, holder: int | None, released: bool) -> None:
    api.gives(SESSION, session(locked_by_user_id=holder))
    api.gives(SESSION, session(locked_by_user_id=7), method="PATCH")
    api.gives(f"{SESSION}/release", session(), method="POST")

    assert api.command("sessions", "assign", "42/3", "--user", "9", "--takeover") == Exit.OK
    assert json.loads(api.requests[1].content) == {"assigned_to_user_id": 9, "takeover": True}
    assert (f"POST {SESSION}/release" in api.asked()) is released


def test_a_customer_is_shown_with_its_tasks(api: Api, capsys: pytest.CaptureFixture[str]) -> None:
    api.gives("/tenants/42/onboarding/tasks", [{"task_type": "app.consent", "status": "ok"}])
    api.gives(TENANTS, [customer(142), customer(42)])

    assert api.command("tenants", "show", "42") == Exit.OK
    [shown] = printed(capsys)
    assert (shown["tenant_id"], shown["tasks"][0]["status"]) == (42, "ok")


def test_a_tenant_without_anything_is_no_customer(api: Api) -> None:
    api.gives("/tenants/42/onboarding/tasks", [])
    api.gives(TENANTS, [customer(142)])

    assert api.command("tenants", "show", "42") == Exit.FAILED


@pytest.mark.parametrize(("verified", "exit_code"), [(True, Exit.OK), (False, Exit.VERDICT)])
def test_a_broken_chain_is_a_verdict(api: Api, verified: bool, exit_code: Exit) -> None:
    whole = {"verified": True, "length": 9, "head": "ab" * 32, "break": None}
    api.gives("/tenants/42/onboarding/evidence/verification", whole | {"verified": verified})
    api.gives("/tenants/43/onboarding/evidence/verification", whole)

    assert api.command("evidence", "verify", "42", "43") == exit_code


def test_all_tenants_are_verified_with_all(api: Api, capsys: pytest.CaptureFixture[str]) -> None:
    api.gives(TENANTS, [customer(42)])
    verdict = {"verified": True, "length": 0, "head": "00" * 32, "break": None}
    api.gives("/tenants/42/onboarding/evidence/verification", verdict)

    assert api.command("evidence", "verify", "--all") == Exit.OK
    assert printed(capsys) == [{"tenant_id": 42, **verdict}]


def test_filters_of_evidence_are_parameters_of_the_api(api: Api) -> None:
    api.gives("/tenants/42/onboarding/evidence", [])
    options = ["--task", "app.consent", "--status", "fail", "--since", "2026-11-24T09:30:00Z"]

    assert api.command("evidence", "list", "--tenant", "42", *options) == Exit.OK
    assert dict(api.requests[0].url.params) == {
        "taskType": "app.consent",
        "status": "fail",
        "since": "2026-11-24T09:30:00Z",
        "limit": "50",
    }


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def test_a_table_shows_names_times_and_members_within(monkeypatch: pytest.MonkeyPatch) -> None:
    terminal = Terminal()
    monkeypatch.setattr(rows.sys, "stdout", terminal)
    monkeypatch.setenv("NO_COLOR", "1")
    columns = (name_of("run"), member("result.status", "verdict"), time_of("ended", "ended (UTC)"), member("note"))
    item = {"tenant_id": 42, "id": 17, "result": {"status": "ok"}, "ended": "2026-11-24T09:30:00.5Z", "note": "[b]\x1b"}

    show_rows([item, {"tenant_id": 42, "id": 18, "result": None}], columns, as_json=False)

    assert [line.rstrip() for line in terminal.getvalue().splitlines()] == [
        "run    verdict  ended (UTC)          note",
        "42/17  ok       2026-11-24 09:30:00  [b]\N{REPLACEMENT CHARACTER}",
        "42/18",
    ]


def test_a_narrow_terminal_cuts_nothing_off(monkeypatch: pytest.MonkeyPatch) -> None:
    terminal = Terminal()
    monkeypatch.setattr(rows.sys, "stdout", terminal)
    monkeypatch.setenv("NO_COLOR", "1")
    monkeypatch.setenv("COLUMNS", "50")
    item = {"service": "session-api", "id": 3, "topic": "onboarding.operation-runs.v1", "at": "2026-11-24T09:30:00Z"}
    columns = (name_of("letter", "service"), member("topic"), time_of("at", "time"))

    show_rows([item], columns, as_json=False)

    _, *lines = terminal.getvalue().splitlines()
    assert "".join(line[15:-19].strip() for line in lines) == item["topic"]
    assert [line[-19:] for line in lines if "session-api/3" in line] == ["2026-11-24 09:30:00"]


def test_a_token_that_sees_no_tenant_verifies_nothing(api: Api, capsys: pytest.CaptureFixture[str]) -> None:
    api.gives("/onboarding/tenants", [])

    assert api.command("evidence", "verify", "--all") == Exit.FAILED
    assert "no tenant was verified" in capsys.readouterr().err
