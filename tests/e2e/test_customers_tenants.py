"""Conditions of the customer's tenant and the evidence that results from them."""

import asyncio

import pytest

from tests.support.system import System
from tests.support.waiting import eventually

pytestmark = pytest.mark.system

HEALTHY = {
    "app.consent": ("ok", "CONSENT_OK"),
    "gdap.group_mapping": ("ok", "MAPPING_OK"),
    "gdap.relationship": ("ok", "GDAP_ACTIVE"),
    "gdap.roles": ("ok", "GDAP_ROLES_OK"),
    "graph.connectivity": ("ok", "GRAPH_OK"),
    "identity.baseline": ("warn", "BASELINE_CA_EXCLUSIONS"),
    "identity.admin_mfa": ("warn", "ADMIN_MFA_EXCLUSIONS"),
    "identity.legacy_auth": ("warn", "LEGACY_EXCLUSIONS"),
    "identity.global_admins": ("ok", "GA_OK"),
    "identity.emergency_access": ("warn", "BREAKGLASS_GUESSED"),
    "identity.user_consent": ("ok", "CONSENT_USER_BLOCKED"),
    "license.inventory": ("ok", None),
}


async def verdict(system: System, task_type: str, behaviour: str, **control: object) -> tuple[str, str, str]:
    """State of the run, status and reason of its evidence; the run, the task list and the evidence agree."""
    async with system.caller() as caller:
        await caller.connect(behaviour, **control)
        run_id = await caller.start(task_type)
        run = await caller.ended(run_id, seconds=90)
        item = await caller.evidence(run_id)
        (task,) = [summary for summary in (await caller.get("/tasks")).json() if summary["task_type"] == task_type]

        decision = item["status"], item["reason_code"]
        assert (run["result"]["status"], run["result"]["reason_code"]) == decision
        assert (task["status"], task["reason_code"], task["last_run_id"]) == (*decision, run_id)
        assert item["message"]
        return run["state"], *decision


async def test_a_healthy_tenant_passes_every_check_that_is_required(system: System) -> None:
    verdicts = await asyncio.gather(*(verdict(system, task_type, "healthy") for task_type in HEALTHY))

    for (state, status, reason), (task_type, (wanted, wanted_reason)) in zip(verdicts, HEALTHY.items(), strict=True):
        assert (state, status) == ("succeeded", wanted), task_type
        assert wanted_reason in (None, reason), task_type


async def test_without_consent_there_is_no_connection(system: System) -> None:
    expected = ("succeeded", "fail", "CONSENT_MISSING")

    assert await verdict(system, "graph.connectivity", "healthy", consented=[]) == expected


async def test_a_run_waits_for_consent_and_goes_on_when_resumed(system: System) -> None:
    async with system.caller() as caller:
        await caller.connect(consented=[])
        run_id = await caller.start("app.consent")

        async def waiting() -> str | None:
            return ((await caller.run(run_id))["waiting"] or {}).get("reason_code")

        await eventually(waiting, equals="CONSENT_MISSING")
        await caller.behave("healthy")
        resumed = await caller.post(f"/runs/{run_id}/resume")
        run = await caller.ended(run_id)

        assert (resumed.status_code, run["attempt"] >= 2) == (202, True)
        assert (run["result"]["status"], run["result"]["reason_code"]) == ("ok", "CONSENT_OK")


async def test_an_unlicensed_tenant_is_no_success(system: System) -> None:
    state, status, reason = await verdict(system, "license.inventory", "unlicensed")

    assert (state, status) in (("succeeded", "warn"), ("succeeded", "fail"))
    assert reason.startswith("LICENSE_")


async def test_without_a_relationship_the_first_check_fails(system: System) -> None:
    expected = ("succeeded", "fail", "GDAP_MISSING")

    assert await verdict(system, "gdap.relationship", "healthy", relationships=[]) == expected


async def test_a_run_that_waits_for_approval_can_be_cancelled(system: System) -> None:
    pending = {"status": "approvalPending", "activated_days_ago": None, "days_left": None}
    async with system.caller() as caller:
        await caller.connect("healthy", relationships=[pending])
        run_id = await caller.start("gdap.relationship")
        await eventually(lambda: caller.state(run_id), equals="waiting")
        waiting = (await caller.run(run_id))["waiting"]
        await caller.post(f"/runs/{run_id}/cancel")
        run = await caller.ended(run_id)

        assert waiting["reason_code"] == "GDAP_APPROVAL_PENDING"
        assert run["state"] == "cancelled"


async def test_another_tenant_behind_the_token_fails(system: System) -> None:
    expected = ("succeeded", "fail", "GRAPH_TENANT_MISMATCH")

    assert await verdict(system, "graph.connectivity", "wrong-tenant") == expected


async def test_throttling_that_passes_is_waited_out(system: System) -> None:
    expected = ("succeeded", "ok", "GRAPH_OK")

    assert await verdict(system, "graph.connectivity", "throttling", times=2, retry_after=1) == expected


async def test_throttling_without_end_is_unknown_and_never_ok(system: System) -> None:
    expected = ("failed", "unknown", "GRAPH_THROTTLED")

    assert await verdict(system, "graph.connectivity", "throttling", retry_after=1) == expected


async def test_a_graph_that_fails_for_a_moment_is_asked_again(system: System) -> None:
    expected = ("succeeded", "ok", "GRAPH_OK")

    assert await verdict(system, "graph.connectivity", "failing", times=2) == expected


async def test_a_graph_that_keeps_failing_is_unknown(system: System) -> None:
    expected = ("failed", "unknown", "GRAPH_UNAVAILABLE")

    assert await verdict(system, "graph.connectivity", "failing") == expected


async def test_a_slow_graph_is_only_slow(system: System) -> None:
    expected = ("succeeded", "ok", "GRAPH_OK")

    assert await verdict(system, "graph.connectivity", "slow", delay_seconds=2.0) == expected


@pytest.mark.parametrize(
    ("number", "reason"),
    [("65001", "CONSENT_MISSING"), ("7000222", "CREDENTIAL_EXPIRED"), ("53003", "BLOCKED_BY_CONDITIONAL_ACCESS")],
)
async def test_a_refused_token_has_its_reason(system: System, number: str, reason: str) -> None:
    state, status, reason_code = await verdict(system, "graph.connectivity", "healthy", token_error=number)

    assert (state, status, reason_code) == ("succeeded", "fail", reason)


async def test_a_start_without_a_connection_is_accepted_and_ends_unknown(system: System) -> None:
    async with system.caller() as caller:
        run_id = await caller.start("graph.connectivity")
        run = await caller.ended(run_id)
        item = await caller.evidence(run_id)

        expected = ("unknown", "PROVIDER_CONNECTION_MISSING")
        assert run["state"] == "failed"
        assert (run["result"]["status"], run["result"]["reason_code"]) == expected
        assert (item["status"], item["reason_code"], item["provider_connection_id"]) == (*expected, None)


async def test_a_disabled_connection_is_as_good_as_none(system: System) -> None:
    async with system.caller() as caller:
        connection = await caller.connect("healthy")
        await caller.post(f"/provider-connections/{connection}/disable")
        named = await caller.post("/tasks/graph.connectivity/runs", json={"provider_connection_id": connection})
        item = await caller.evidence(await caller.start("graph.connectivity"))

        assert (named.status_code, named.json()["code"]) == (409, "CONNECTION_DISABLED")
        assert (item["status"], item["reason_code"]) == ("unknown", "PROVIDER_CONNECTION_MISSING")


async def test_a_cancelled_run_leaves_no_evidence(system: System) -> None:
    async with system.caller() as caller:
        await caller.connect("slow", delay_seconds=20.0)
        run_id = await caller.start("graph.connectivity")
        cancelled = await caller.post(f"/runs/{run_id}/cancel")
        run = await caller.ended(run_id, seconds=20)

        assert cancelled.status_code == 200
        assert (run["state"], run["result"]["status"]) == ("cancelled", None)
        assert (await caller.get("/evidence")).json() == []
        assert await system.value("evidence_store", "SELECT count(*) FROM evidence WHERE run_id = $1", run_id) == 0
