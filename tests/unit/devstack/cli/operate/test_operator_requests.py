"""What commands of operators ask session-api for, and how they explain its answers."""

import json
from pathlib import Path
from typing import Any

import httpx2
import pytest

from onboarding_devstack.cli.app import run
from onboarding_devstack.cli.exits import Exit
from onboarding_devstack.cli.operate import client
from tests.unit.devstack.cli.operate.conftest import ADDRESS, Api

TENANTS = "/onboarding/tenants"


def customer(tenant: int, **session: Any) -> dict[str, Any]:
    return {"tenant_id": tenant, "display_name": f"Customer {tenant}", "session": session or None, "counts": {}}


def test_a_list_follows_its_pages_at_the_given_address(api: Api, capsys: pytest.CaptureFixture[str]) -> None:
    def page(request: httpx2.Request) -> httpx2.Response:
        if request.url.params.get("cursor") == "two":
            return httpx2.Response(200, json=[customer(3)])
        link = '<http://elsewhere.invalid/onboarding/tenants?cursor=two&limit=200&sort=name>; rel="next"'
        return httpx2.Response(200, json=[customer(1), customer(2)], headers={"Link": link})

    api.answers["GET", TENANTS] = page

    assert api.command("tenants", "list", "--all") == Exit.OK
    assert [json.loads(line)["tenant_id"] for line in capsys.readouterr().out.splitlines()] == [1, 2, 3]
    assert {request.url.host for request in api.requests} == {"onboarding.example"}
    assert {request.headers["authorization"] for request in api.requests} == {"Bearer a-token"}


def test_a_limit_ends_a_list_and_tells_of_the_rest(api: Api, capsys: pytest.CaptureFixture[str]) -> None:
    api.gives(TENANTS, [customer(1), customer(2)])

    assert api.command("tenants", "list", "--limit", "1") == Exit.OK
    captured = capsys.readouterr()
    assert (captured.out.count("\n"), "There are more" in captured.err) == (1, True)
    assert api.asked() == [f"GET {TENANTS}?sort=name&limit=1"]


def test_a_list_of_everything_tells_of_no_rest(api: Api, capsys: pytest.CaptureFixture[str]) -> None:
    api.gives(TENANTS, [customer(1)])

    assert api.command("tenants", "list", "--limit", "1") == Exit.OK
    assert capsys.readouterr().err == ""


@pytest.mark.parametrize(
    ("status", "code", "exit_code", "following"),
    [
        (400, "INVALID_PARAMETER", Exit.USAGE, "as the API says"),
        (401, "TOKEN_EXPIRED", Exit.CONFLICT, "export ONBOARDING_TOKEN=…"),
        (403, "PERMISSION_MISSING", Exit.CONFLICT, "as the API says"),
        (404, "TENANT_NOT_FOUND", Exit.FAILED, "as the API says"),
        (409, "EDIT_LOCKED", Exit.CONFLICT, "as the API says"),
        (500, "INTERNAL_ERROR", Exit.FAILED, "as the API says"),
        (503, "DATABASE_UNAVAILABLE", Exit.UNREACHABLE, "as the API says"),
    ],
)
def test_a_refusal_has_its_code_next_step_and_exit_code(
    api: Api, status: int, code: str, exit_code: Exit, following: str, capsys: pytest.CaptureFixture[str]
) -> None:
    refused = {"code": code, "error": "Refused.", "next": "as the API says", "permission": "onboarding.read"}
    api.gives("/tenants/42/onboarding/runs/17", refused, status=status)

    assert api.command("runs", "show", "42/17") == exit_code
    captured = capsys.readouterr()
    assert captured.out == ""
    assert f"{status} {code}: Refused. (onboarding.read)" in captured.err
    assert following in captured.err


def test_a_busy_service_is_asked_again_when_it_says(api: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    slept: list[float] = []
    answers = iter([httpx2.Response(429, json={"code": "RATE_LIMIT_EXCEEDED"}, headers={"Retry-After": "3"})])
    api.answers["GET", TENANTS] = lambda _: next(answers, httpx2.Response(200, json=[]))
    monkeypatch.setattr(client.time, "sleep", slept.append)

    assert api.command("tenants", "list") == Exit.OK
    assert slept == [3.0]


def test_a_service_busy_for_longer_than_a_minute_is_unreachable(api: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    api.gives(TENANTS, {"code": "RATE_LIMIT_EXCEEDED", "error": "Later."}, status=429, **{"Retry-After": "61"})
    monkeypatch.setattr(client.time, "sleep", lambda _: pytest.fail("waited"))

    assert api.command("tenants", "list") == Exit.UNREACHABLE


@pytest.mark.parametrize(("status", "body"), [(200, b"<html>"), (404, b"<html>"), (200, b"{}"), (302, b"")])
def test_another_server_at_the_address_is_named(
    api: Api, status: int, body: bytes, capsys: pytest.CaptureFixture[str]
) -> None:
    api.answers["GET", TENANTS] = lambda _: httpx2.Response(status, content=body)

    assert api.command("tenants", "list") == Exit.UNREACHABLE
    assert f"{ADDRESS} answers {status}, but not as session-api does" in capsys.readouterr().err


def test_an_address_that_does_not_answer_is_unreachable(api: Api, capsys: pytest.CaptureFixture[str]) -> None:
    def refused(_: httpx2.Request) -> httpx2.Response:
        raise httpx2.ConnectError("Connection refused")

    api.answers["GET", TENANTS] = refused

    assert api.command("tenants", "list") == Exit.UNREACHABLE
    error = capsys.readouterr().err
    assert f"session-api does not answer at {ADDRESS}: Connection refused" in error
    assert "try: check the address" in error


def test_address_and_token_come_from_the_environment(api: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ONBOARDING_ADDRESS", "https://other.example/base/")
    monkeypatch.setenv("ONBOARDING_TOKEN", "its-token")
    api.gives("/base/onboarding/tenants", [])

    assert run(["tenants", "list"]) == Exit.OK
    [request] = api.requests
    assert (request.url.host, request.headers["authorization"]) == ("other.example", "Bearer its-token")


def test_an_address_without_a_token_is_refused(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.delenv("ONBOARDING_TOKEN", raising=False)

    assert run(["tenants", "list", "--address", ADDRESS]) == Exit.CONFLICT
    assert "export ONBOARDING_TOKEN=…" in capsys.readouterr().err


@pytest.mark.parametrize(
    "address", ["onboarding.example", "ftp://onboarding.example", "https://x/?a=b", "https://[x", "https://x:y"]
)
def test_an_address_that_is_no_url_is_wrong_usage(address: str) -> None:
    assert run(["tenants", "list", "--address", address, "--token", "x"]) == Exit.USAGE


@pytest.mark.parametrize(
    "arguments",
    [
        ["runs", "list"],
        ["sessions", "list"],
        ["tenants", "show", "42"],
        ["evidence", "verify", "42"],
        ["locks", "list"],
        ["dlq", "groups"],
    ],
)
def test_without_address_and_system_operators_commands_are_unreachable(
    arguments: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("ONBOARDING_ADDRESS", raising=False)

    assert run([*arguments, "--data", str(tmp_path)]) == Exit.UNREACHABLE
    assert f" up --data {tmp_path}" in capsys.readouterr().err.replace("\n", "")


@pytest.mark.parametrize(
    "arguments",
    [
        ["runs", "show", "17"],
        ["runs", "show", "42/0"],
        ["runs", "list", "--session", "3"],
        ["runs", "list", "--tenant", "0"],
        ["runs", "list", "--state", "ended"],
        ["runs", "cancel"],
        ["runs", "cancel", "42/17", "--all"],
        ["runs", "cancel", "42/17", "--tenant", "42"],
        ["runs", "cancel", "--state", "succeeded"],
        ["runs", "retry", "--state", "running"],
        ["sessions", "list", "--tenant", "42", "--state", "open"],
        ["sessions", "assign", "42/3"],
        ["sessions", "assign", "42/3", "--user", "8", "--nobody"],
        ["evidence", "list"],
        ["evidence", "verify"],
        ["evidence", "verify", "42", "--all"],
        ["dlq", "show", "12"],
        ["dlq", "show", "broker/12"],
        ["dlq", "replay"],
        ["dlq", "replay", "session-api/12", "--reason", "APPLY_FAILED"],
        ["dlq", "discard", "--topic", "t", "--reason", "R"],
    ],
    ids=" ".join,
)
def test_options_that_do_not_fit_are_wrong_usage(api: Api, arguments: list[str]) -> None:
    assert api.command(*arguments) == Exit.USAGE
    assert api.requests == []


def test_the_line_end_of_a_token_is_left_out(api: Api) -> None:
    api.gives(TENANTS, [])

    assert run(["tenants", "list", "--address", ADDRESS, "--token", "a-token\r\n"]) == Exit.OK
    assert api.requests[0].headers["authorization"] == "Bearer a-token"


@pytest.mark.parametrize("token", ["secret\rtoken", "sécret"])
def test_a_token_that_cannot_be_sent_is_not_repeated(api: Api, capsys: pytest.CaptureFixture[str], token: str) -> None:
    assert run(["tenants", "list", "--address", ADDRESS, "--token", token]) == Exit.USAGE
    captured = capsys.readouterr()
    assert "cret" not in captured.out + captured.err
    assert api.requests == []


@pytest.mark.parametrize("token", ["", " ", "\r\n"])
def test_a_token_without_characters_is_a_missing_one(capsys: pytest.CaptureFixture[str], token: str) -> None:
    assert run(["tenants", "list", "--address", ADDRESS, "--token", token]) == Exit.CONFLICT
    assert "no token for" in capsys.readouterr().err


@pytest.mark.parametrize(
    "address",
    [
        "https://someone:hunter2@onboarding.example",
        "someone:hunter2@onboarding.example",
        "https:/someone:hunter2@onboarding.example",
        "https://someone:hunter2@[onboarding",
    ],
)
def test_a_password_in_the_address_is_refused_and_not_repeated(
    capsys: pytest.CaptureFixture[str], address: str
) -> None:
    assert run(["tenants", "list", "--address", address, "--token", "a-token"]) == Exit.USAGE
    assert "hunter2" not in capsys.readouterr().err
