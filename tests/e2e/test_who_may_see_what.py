"""Tokens, tenants and permissions on the running system."""

import pytest

from tests.support.caller import Caller
from tests.support.system import System

pytestmark = pytest.mark.system

OPERATIONS = (
    ("GET", "/session"),
    ("POST", "/session"),
    ("PATCH", "/session/1"),
    ("GET", "/tasks"),
    ("POST", "/tasks/graph.connectivity/runs"),
    ("GET", "/evidence"),
    ("GET", "/evidence/1"),
    ("GET", "/evidence/verification"),
    ("GET", "/runs"),
    ("GET", "/runs/1"),
    ("POST", "/runs/1/cancel"),
    ("POST", "/runs/1/resume"),
    ("POST", "/runs/1/retry"),
    ("GET", "/steps"),
    ("POST", "/steps/1/runs"),
    ("GET", "/provider-connections"),
    ("POST", "/provider-connections"),
)
UNKNOWN = 2**62
# What a server may say differently each time, whoever asks.
MOMENTARY = {"date", "ratelimit"}


async def ask(caller: Caller, method: str, path: str) -> tuple[int, bytes, dict[str, str]]:
    body = {"json": {}} if method == "PATCH" else {}
    answer = await caller.http.request(method, caller.path(path), headers={"X-Request-ID": "the-same"}, **body)
    headers = {name: value for name, value in answer.headers.items() if name not in MOMENTARY}
    return answer.status_code, answer.content, headers


@pytest.fixture
async def foreign(system: System) -> int:
    """A tenant that has everything, and is not in the token."""
    async with system.caller() as owner:
        await owner.post("/session")
        await owner.connect("healthy")
        await owner.ended(await owner.start("graph.connectivity"))
        return owner.tenant


@pytest.mark.parametrize(("method", "path"), OPERATIONS)
async def test_a_foreign_tenant_answers_as_one_that_does_not_exist(
    system: System, foreign: int, method: str, path: str
) -> None:
    mine = system.new_tenant()
    async with (
        system.caller(foreign, tenants=(mine,)) as curious,
        system.caller(UNKNOWN, tenants=(mine,)) as lost,
    ):
        seen = await ask(curious, method, path)
        unknown = await ask(lost, method, path)

        assert seen[0] == 404
        assert seen == unknown


@pytest.mark.parametrize(("method", "path"), OPERATIONS)
async def test_without_a_token_nobody_gets_in(system: System, method: str, path: str) -> None:
    async with system.caller() as caller:
        del caller.http.headers["authorization"]
        answer = await caller.http.request(method, caller.path(path))

        assert (answer.status_code, answer.json()["code"]) == (401, "TOKEN_MISSING")
        assert answer.headers["www-authenticate"].startswith("Bearer")


@pytest.mark.parametrize(
    ("method", "path", "lacking"),
    [
        ("POST", "/session", "onboarding.write"),
        ("GET", "/session", "onboarding.read"),
        ("POST", "/tasks/graph.connectivity/runs", "onboarding.run"),
        ("GET", "/evidence", "onboarding.read"),
        ("POST", "/provider-connections", "onboarding.connections"),
    ],
)
async def test_a_missing_permission_is_named(system: System, method: str, path: str, lacking: str) -> None:
    everything = ("onboarding.read", "onboarding.write", "onboarding.run", "onboarding.connections")
    held = [permission for permission in everything if permission != lacking]
    async with system.caller(permissions=held) as caller:
        answer = await caller.http.request(method, caller.path(path), json={} if method == "POST" else None)

        body = answer.json()
        assert (answer.status_code, body["code"], body["permission"]) == (403, "PERMISSION_MISSING", lacking)


async def test_a_takeover_needs_its_own_permission(system: System) -> None:
    async with (
        system.caller() as first,
        system.caller(first.tenant, user=8, permissions=("onboarding.read", "onboarding.write")) as second,
    ):
        session = (await first.post("/session")).json()["id"]
        refused = await second.patch(f"/session/{session}", json={"takeover": True})

        assert (refused.status_code, refused.json()["permission"]) == (403, "onboarding.takeover")
        assert (await first.get("/session")).json()["session"]["locked_by_user_id"] == 7


async def test_a_token_signed_by_another_key_is_refused(system: System) -> None:
    async with system.caller() as caller:
        head, claims, seal = caller.token.split(".")
        forged = f"{head}.{claims}.{seal[:-6]}{'AAAAAA' if seal[-6:] != 'AAAAAA' else 'BBBBBB'}"
        answer = await caller.get("/session", headers={"Authorization": f"Bearer {forged}"})

        assert (answer.status_code, answer.json()["code"]) == (401, "TOKEN_INVALID")


async def test_the_evidence_store_itself_keeps_tenants_apart_too(system: System, foreign: int) -> None:
    async with system.caller(foreign, tenants=(system.new_tenant(),), url=system.journal["evidence_store"]) as curious:
        answer = await curious.get("/evidence")

        assert (answer.status_code, answer.json()["code"]) == (404, "TENANT_NOT_FOUND")
