"""Tenants that misbehave: what each task makes of it, over real HTTP."""

import time
from typing import Any

import pytest

from microsoft_emulator.tenants import PARTNER_TENANT
from task_runner.tasks import TaskFault, discover
from task_runner.testing import graph_server, task_context
from tests.support.emergency import TENANT, TOLD

TASKS = discover()
QUICK = {"attempts": 2}
CHECKS = [name for name in TASKS if name != "app.consent_grant"]


def tenant_of(name: str) -> str:
    """The tenant that a task reads: the customer's, or our own."""
    return PARTNER_TENANT if name.startswith("gdap.") else TENANT


@pytest.mark.parametrize(
    ("behaviour", "name", "expected"),
    [
        ("wrong-tenant", "graph.connectivity", ("fail", "GRAPH_TENANT_MISMATCH")),
        ("unlicensed", "license.inventory", ("fail", "LICENSE_NONE")),
        ("unlicensed", "identity.baseline", ("unknown", "NOT_LICENSED")),
        ("unlicensed", "identity.admin_mfa", ("unknown", "NOT_LICENSED")),
        ("unlicensed", "identity.legacy_auth", ("unknown", "NOT_LICENSED")),
        ("unlicensed", "identity.emergency_access", ("unknown", "NOT_LICENSED")),
        ("unlicensed", "identity.user_consent", ("ok", "CONSENT_USER_BLOCKED")),
        ("unlicensed", "identity.global_admins", ("ok", "GA_OK")),
        ("unconsented", "app.consent", ("fail", "CONSENT_MISSING")),
        ("unconsented", "graph.connectivity", ("fail", "GRAPH_FORBIDDEN")),
        ("unconsented", "license.inventory", ("unknown", "GRAPH_FORBIDDEN")),
        ("unconsented", "identity.baseline", ("unknown", "GRAPH_FORBIDDEN")),
        ("unconsented", "identity.global_admins", ("unknown", "GRAPH_FORBIDDEN")),
        ("unconsented", "identity.admin_mfa", ("unknown", "GRAPH_FORBIDDEN")),
        ("unconsented", "identity.legacy_auth", ("unknown", "GRAPH_FORBIDDEN")),
        ("unconsented", "identity.emergency_access", ("unknown", "GRAPH_FORBIDDEN")),
        ("unconsented", "identity.user_consent", ("unknown", "GRAPH_FORBIDDEN")),
    ],
)
async def test_a_tenant_that_answers_no(behaviour: str, name: str, expected: tuple[str, str]) -> None:
    async with task_context(behaviour) as context:
        result = await TASKS[name](context)

    assert (result.status.value, result.reason_code) == expected


async def test_a_refusal_names_the_missing_permission() -> None:
    async with task_context("unconsented") as context:
        result = await TASKS["identity.baseline"](context)

    assert "Policy.Read.All" in result.message
    assert result.payload["missing_permission"] == "Policy.Read.All"


async def test_an_unlicensed_check_is_not_applicable_with_its_observations() -> None:
    async with task_context("unlicensed") as context:
        result = await TASKS["identity.baseline"](context)

    assert (result.payload["applicable"], result.payload["security_defaults_enabled"]) == (False, False)


async def test_without_a_licence_eligible_holders_are_marked_unread() -> None:
    async with task_context("unlicensed") as context:
        result = await TASKS["identity.global_admins"](context)

    assert result.payload["eligible_read"] is False


async def test_a_wrong_tenant_is_not_looked_into_any_further() -> None:
    async with task_context("wrong-tenant") as context:
        await TASKS["graph.connectivity"](context)

    assert [response.url.rpartition("/")[2] for response in context.graph.record.responses] == ["organization"]


@pytest.mark.parametrize("name", list(TASKS))
async def test_short_throttling_is_waited_for_as_asked(name: str) -> None:
    began = time.monotonic()
    async with task_context("throttling", tenant=tenant_of(name), settings=TOLD, times=1, retry_after=1) as context:
        result = await TASKS[name](context)

    assert result.status.value == "ok"
    assert time.monotonic() - began >= 1.0


@pytest.mark.parametrize("name", list(TASKS))
async def test_long_throttling_becomes_another_attempt_not_sooner_than_asked(name: str) -> None:
    async with task_context("throttling", tenant=tenant_of(name), retry_after=300) as context:
        with pytest.raises(TaskFault) as caught:
            await TASKS[name](context)

    assert (caught.value.reason_code, caught.value.retryable) == ("GRAPH_THROTTLED", True)
    assert caught.value.retry_after == 300.0
    assert caught.value.payload["provenance"]["responses"][0]["status"] == 429


@pytest.mark.parametrize("name", list(TASKS))
async def test_a_short_failure_is_tried_again(name: str) -> None:
    async with task_context("failing", tenant=tenant_of(name), settings=TOLD, times=1) as context:
        result = await TASKS[name](context)

    assert result.status.value == "ok"


@pytest.mark.parametrize("name", list(TASKS))
async def test_a_lasting_failure_is_a_retryable_fault(name: str) -> None:
    async with task_context("failing", tenant=tenant_of(name), status=500, settings=QUICK) as context:
        with pytest.raises(TaskFault) as caught:
            await TASKS[name](context)

    assert (caught.value.reason_code, caught.value.retryable) == ("GRAPH_UNAVAILABLE", True)


async def test_the_number_of_tries_is_bounded() -> None:
    async with graph_server() as server, task_context("failing", server=server, settings={"attempts": 3}) as context:
        with pytest.raises(TaskFault):
            await TASKS["license.inventory"](context)

    assert context.graph.record.count == 3


async def test_a_slow_answer_in_time_is_taken() -> None:
    async with task_context("slow", delay_seconds=0.3) as context:
        result = await TASKS["license.inventory"](context)

    assert result.status.value == "ok"


async def test_an_answer_that_is_too_slow_counts_as_unavailable() -> None:
    async with task_context("slow", delay_seconds=5, settings={"request_timeout": 0.2, "attempts": 1}) as context:
        with pytest.raises(TaskFault) as caught:
            await TASKS["license.inventory"](context)

    assert caught.value.reason_code == "GRAPH_UNAVAILABLE"


async def test_the_runs_deadline_ends_a_request_that_may_take_longer() -> None:
    began = time.monotonic()
    async with task_context("slow", delay_seconds=5, time_limit=1.0) as context:
        with pytest.raises(TaskFault) as caught:
            await TASKS["license.inventory"](context)

        assert caught.value.reason_code == "GRAPH_UNAVAILABLE"
        assert time.monotonic() - began < 1.5


@pytest.mark.parametrize(
    ("number", "reason"),
    [
        ("65001", "CONSENT_MISSING"),
        ("700082", "CREDENTIAL_EXPIRED"),
        ("50020", "GUEST_OR_GROUP_MISSING"),
        ("50177", "GUEST_OR_GROUP_MISSING"),
        ("53003", "BLOCKED_BY_CONDITIONAL_ACCESS"),
        ("5000224", "TENANT_GONE"),
        ("900023", "TENANT_UNAVAILABLE"),
    ],
)
async def test_a_refused_token_fails_connectivity_and_consent(number: str, reason: str) -> None:
    async with task_context(token_error=number) as context:
        results = [await TASKS[name](context) for name in ("graph.connectivity", "app.consent", "license.inventory")]

    assert [result.status.value for result in results] == ["fail", "fail", "unknown"]
    assert {result.reason_code for result in results} == {reason}


async def test_without_a_connection_no_check_runs() -> None:
    for name in TASKS:
        async with task_context(connected=False) as context:
            with pytest.raises(TaskFault) as caught:
                await TASKS[name](context)
            assert caught.value.reason_code == "PROVIDER_CONNECTION_MISSING"


@pytest.mark.parametrize(
    "overrides",
    [
        {"/organization": {"value": "text"}},
        {"/organization": {"nothing": 1}},
        {"/organization": []},
        {"/organization": [{"id": "a"}, {"id": "b"}]},
        {"/organization": ["text"]},
    ],
)
async def test_an_answer_of_another_shape_is_unknown(overrides: dict[str, Any]) -> None:
    async with task_context(overrides=overrides) as context:
        result = await TASKS["graph.connectivity"](context)

    assert (result.status.value, result.reason_code in {"DATA_INCOMPLETE", "GRAPH_RESPONSE_INVALID"}) == (
        "unknown",
        True,
    )


async def test_an_administrator_that_cannot_be_looked_up_is_incomplete_data() -> None:
    async with task_context(overrides={"/users": []}) as context:
        result = await TASKS["identity.global_admins"](context)

    assert (result.status.value, result.reason_code) == ("unknown", "DATA_INCOMPLETE")
