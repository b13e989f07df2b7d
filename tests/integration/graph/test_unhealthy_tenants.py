"""Tenants that misbehave: what each task makes of it, over real HTTP."""

import time
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import Any

import pytest

from microsoft_emulator.tenants import PARTNER_TENANT
from task_runner.tasks import TaskContext, TaskFault, discover
from task_runner.testing import graph_server, task_context
from tests.support.emergency import TENANT, TOLD

TASKS = discover()
QUICK = {"attempts": 2}


@asynccontextmanager
async def context_of(
    name: str, behaviour: str, settings: Mapping[str, Any], **options: Any
) -> AsyncIterator[TaskContext]:
    """A context where the tenant that the task reads, the customer's or our own, has this behaviour."""
    async with graph_server() as server:
        await server.tell(TENANT)
        await server.tell(PARTNER_TENANT if name.startswith("gdap.") else TENANT, behaviour, **options)
        async with task_context(server=server, tenant=TENANT, settings=settings) as context:
            yield context


UNLICENSED: dict[str, Any] = {"behaviour": "unlicensed"}
UNCONSENTED: dict[str, Any] = {"consented": False}
WITHOUT_ROLES: dict[str, Any] = {"granted": ["CrossTenantInformation.ReadBasic.All"]}


@pytest.mark.parametrize(
    ("control", "name", "expected"),
    [
        ({"behaviour": "wrong-tenant"}, "graph.connectivity", ("fail", "GRAPH_TENANT_MISMATCH")),
        (UNLICENSED, "license.inventory", ("fail", "LICENSE_NONE")),
        (UNLICENSED, "identity.baseline", ("fail", "SECURITY_DEFAULTS_NEEDED")),
        (UNLICENSED, "identity.admin_mfa", ("fail", "SECURITY_DEFAULTS_NEEDED")),
        (UNLICENSED, "identity.legacy_auth", ("fail", "SECURITY_DEFAULTS_NEEDED")),
        (UNLICENSED, "identity.emergency_access", ("unknown", "NOT_LICENSED")),
        (UNLICENSED, "identity.user_consent", ("ok", "CONSENT_USER_BLOCKED")),
        (UNLICENSED, "identity.global_admins", ("ok", "GA_OK")),
        (UNCONSENTED, "graph.connectivity", ("fail", "CONSENT_MISSING")),
        (UNCONSENTED, "license.inventory", ("unknown", "CONSENT_MISSING")),
        (UNCONSENTED, "identity.baseline", ("unknown", "CONSENT_MISSING")),
        (WITHOUT_ROLES, "graph.connectivity", ("fail", "GRAPH_FORBIDDEN")),
        (WITHOUT_ROLES, "license.inventory", ("unknown", "GRAPH_FORBIDDEN")),
        (WITHOUT_ROLES, "identity.baseline", ("unknown", "GRAPH_FORBIDDEN")),
        (WITHOUT_ROLES, "identity.global_admins", ("unknown", "GRAPH_FORBIDDEN")),
        (WITHOUT_ROLES, "identity.admin_mfa", ("unknown", "GRAPH_FORBIDDEN")),
        (WITHOUT_ROLES, "identity.legacy_auth", ("unknown", "GRAPH_FORBIDDEN")),
        (WITHOUT_ROLES, "identity.emergency_access", ("unknown", "GRAPH_FORBIDDEN")),
        (WITHOUT_ROLES, "identity.user_consent", ("unknown", "GRAPH_FORBIDDEN")),
    ],
)
async def test_a_tenant_that_answers_no(control: dict[str, Any], name: str, expected: tuple[str, str]) -> None:
    async with task_context(**control) as context:
        result = await TASKS[name](context)

    assert (result.status.value, result.reason_code) == expected


async def test_a_refusal_names_the_missing_permission() -> None:
    async with task_context(**WITHOUT_ROLES) as context:
        result = await TASKS["identity.baseline"](context)

    assert "Policy.Read.All" in result.message
    assert result.payload["missing_permission"] == "Policy.Read.All"


async def test_without_a_licence_the_evidence_says_that_eligible_holders_were_not_read() -> None:
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
    async with context_of(name, "throttling", TOLD, times=1, retry_after=1) as context:
        result = await TASKS[name](context)

    assert result.status.value == "ok"
    assert time.monotonic() - began >= 1.0


@pytest.mark.parametrize("name", list(TASKS))
async def test_long_throttling_becomes_another_attempt_not_sooner_than_asked(name: str) -> None:
    async with context_of(name, "throttling", {}, retry_after=300) as context:
        with pytest.raises(TaskFault) as caught:
            await TASKS[name](context)

    assert (caught.value.reason_code, caught.value.retryable) == ("GRAPH_THROTTLED", True)
    assert caught.value.retry_after == 300.0
    assert caught.value.payload["provenance"]["responses"][0]["status"] == 429


async def test_a_fractional_hint_is_waited_for() -> None:
    async with context_of("license.inventory", "throttling", {}, times=3, retry_after=30.5) as context:
        with pytest.raises(TaskFault) as caught:
            await TASKS["license.inventory"](context)

    assert (caught.value.reason_code, caught.value.retry_after) == ("GRAPH_THROTTLED", 30.5)
    assert caught.value.payload["provenance"]["response_count"] == 1


async def test_throttling_without_a_hint_is_answered_by_growing_pauses() -> None:
    began = time.monotonic()
    async with context_of("license.inventory", "throttling", {}, times=1, without_retry_after=True) as context:
        result = await TASKS["license.inventory"](context)

    assert result.status.value == "ok"
    assert time.monotonic() - began >= 2.0


@pytest.mark.parametrize("name", list(TASKS))
async def test_a_short_failure_is_tried_again(name: str) -> None:
    async with context_of(name, "failing", TOLD, times=1) as context:
        result = await TASKS[name](context)

    assert result.status.value == "ok"


@pytest.mark.parametrize("name", list(TASKS))
async def test_a_lasting_failure_is_a_retryable_fault(name: str) -> None:
    async with context_of(name, "failing", QUICK, status=500) as context:
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
        ("7000112", "CONSENT_DISABLED"),
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


async def test_administrators_who_do_not_exist_any_more_do_not_count() -> None:
    async with task_context(overrides={"/users": []}) as context:
        result = await TASKS["identity.global_admins"](context)

    assert (result.status.value, result.reason_code) == ("fail", "GA_TOO_FEW")
    assert len(result.payload["deleted_users"]) == 4


@pytest.mark.parametrize(
    ("objects", "expected"),
    [
        (("foreign-group-administrator",), ("warn", "GA_PARTNER")),
        (("service-principal-administrator",), ("warn", "GA_HIGH")),
        (("group-administrator",), ("warn", "GA_HIGH")),
        (("group-administrator", "eligible-group-member"), ("warn", "GA_HIGH")),
        (("unreadable-administrator",), ("unknown", "DATA_INCOMPLETE")),
        (("deleted-administrator",), ("ok", "GA_OK")),
        (("guest-administrator",), ("warn", "GA_HIGH")),
        (("disabled-administrator",), ("warn", "GA_HIGH")),
    ],
)
async def test_unusual_holders_of_global_administrator(objects: tuple[str, ...], expected: tuple[str, str]) -> None:
    async with task_context(directory=objects) as context:
        result = await TASKS["identity.global_admins"](context)

    assert (result.status.value, result.reason_code) == expected


async def test_eligible_members_of_a_group_are_holders() -> None:
    async with task_context(directory=("group-administrator", "eligible-group-member")) as context:
        result = await TASKS["identity.global_admins"](context)

    by_way = {(user["active"], user["eligible"], user["via_group"]) for user in result.payload["users"]}
    assert (result.payload["user_count"], by_way) == (
        7,
        {(True, False, False), (False, True, False), (True, False, True), (False, True, True)},
    )


async def test_a_group_that_is_eligible_for_a_group_is_expanded() -> None:
    async with task_context(directory=("group-administrator", "eligible-group")) as context:
        result = await TASKS["identity.global_admins"](context)

    assert (result.payload["user_count"], result.payload["deleted_users"]) == (8, [])


@pytest.mark.parametrize("name", ["identity.admin_mfa", "identity.baseline"])
async def test_guests_and_the_sync_account_change_no_verdict_on_mfa(name: str) -> None:
    objects = ("guest-administrator", "sync-account")
    async with task_context(tenant=TENANT, settings=TOLD, directory=objects) as context:
        result = await TASKS[name](context)

    assert result.status.value == "ok"


@pytest.mark.parametrize(("feature", "name"), [("report", "identity.admin_mfa"), ("pim", "identity.global_admins")])
async def test_what_a_licensed_tenant_is_refused_is_read_again(feature: str, name: str) -> None:
    async with task_context(tenant=TENANT, settings=TOLD, unlicensed=(feature,)) as context:
        with pytest.raises(TaskFault) as caught:
            await TASKS[name](context)

    assert (caught.value.reason_code, caught.value.retryable) == ("GRAPH_UNAVAILABLE", True)
