"""The checks of policies over real HTTP: their requests, and the tenants that these go to."""

import uuid
from typing import Any

import pytest

from task_runner.checks.identity.protection import DEFAULTS, POLICIES
from task_runner.checks.identity.registration import REPORT
from task_runner.checks.lists import MANIFEST
from task_runner.tasks import discover
from task_runner.testing import task_context
from tests.support.emergency import ACCOUNT, TENANT, TOLD
from tests.support.policies import sent

TASKS = discover()
ON = {DEFAULTS: {"isEnabled": True}}


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("identity.baseline", "BASELINE_SECURITY_DEFAULTS"),
        ("identity.admin_mfa", "ADMIN_MFA_ENFORCED"),
        ("identity.legacy_auth", "LEGACY_BLOCKED"),
        ("identity.user_consent", "CONSENT_USER_BLOCKED"),
    ],
)
async def test_a_free_tenant_with_security_defaults_passes_the_required_checks(name: str, reason: str) -> None:
    async with task_context("unlicensed", overrides=ON) as context:
        result = await TASKS[name](context)

    assert (result.status.value, result.reason_code) == ("ok", reason)


def test_the_last_step_requires_only_what_every_edition_can_pass() -> None:
    required = {name for name, task in TASKS.items() if task.declaration.required and task.declaration.step == 5}

    assert required == {"identity.admin_mfa", "identity.baseline", "identity.global_admins"}


@pytest.mark.parametrize(
    ("unlicensed", "reason"),
    [(("policy", "pim", "report"), "BASELINE_NONE"), ("free", "SECURITY_DEFAULTS_NEEDED")],
)
async def test_without_policies_the_licence_decides_what_to_do(unlicensed: tuple[str, ...] | str, reason: str) -> None:
    control: dict[str, Any] = {"behaviour": "unlicensed"} if unlicensed == "free" else {"unlicensed": unlicensed}
    async with task_context(**control) as context:
        result = await TASKS["identity.baseline"](context)

    assert (result.status.value, result.reason_code) == ("fail", reason)


async def test_the_list_of_administrators_is_read_to_its_last_page() -> None:
    async with task_context(tenant=TENANT, settings=TOLD) as context:
        result = await TASKS["identity.admin_mfa"](context)

    assert context.graph.record.responses[-1].url.partition("?")[2].startswith("$filter=isAdmin")
    assert len(result.payload["administrator_ids"]) == 4
    assert result.payload["provenance"]["lists"][-1] == {"path": REPORT, "pages": 2, "items": 4}


async def test_an_inaccessible_report_names_the_missing_permission() -> None:
    granted = [name for name in MANIFEST.app_roles if name != "AuditLog.Read.All"]
    async with task_context(tenant=TENANT, settings=TOLD, granted=granted) as context:
        result = await TASKS["identity.admin_mfa"](context)

    assert (result.status.value, result.reason_code) == ("unknown", "GRAPH_FORBIDDEN")
    assert (result.payload["missing_permission"], result.payload["registration_read"]) == ("AuditLog.Read.All", False)
    assert result.payload["policies"][0]["name"] == "Require MFA for all users"


def policies(*changes: dict[str, Any]) -> dict[str, Any]:
    """Policies for everybody, each with other ``conditions.users``."""
    made = []
    for number, users in enumerate(changes):
        made.append(sent(f"p{number}", users=users))
    return {POLICIES: made}


async def test_an_account_in_an_excluded_group_is_excluded() -> None:
    group = str(uuid.uuid4())
    overrides = policies({"excludeUsers": [ACCOUNT]}, {"excludeGroups": [group]}) | {
        f"/users/{ACCOUNT}/transitiveMemberOf/microsoft.graph.group": [{"id": group}]
    }
    async with task_context(tenant=TENANT, settings=TOLD, overrides=overrides) as context:
        result = await TASKS["identity.emergency_access"](context)

    assert (result.status.value, result.reason_code) == ("ok", "BREAKGLASS_OK")


async def test_a_possibly_enabled_policy_prevents_emergency_access_ok() -> None:
    overrides = policies({"excludeUsers": [ACCOUNT]}, {})
    overrides[POLICIES][1]["state"] = "somethingNew"
    async with task_context(tenant=TENANT, settings=TOLD, overrides=overrides) as context:
        result = await TASKS["identity.emergency_access"](context)

    assert (result.status.value, result.reason_code) == ("unknown", "GRAPH_RESPONSE_INVALID")


@pytest.mark.parametrize(
    ("members", "expected"),
    [
        ([{"id": "u", "accountEnabled": True}], ("ok", "BREAKGLASS_OK")),
        ([{"id": "u", "accountEnabled": False}, {"id": "v", "accountEnabled": True}], ("ok", "BREAKGLASS_OK")),
        ([{"id": "u", "accountEnabled": False}], ("fail", "BREAKGLASS_UNUSABLE")),
        ([], ("fail", "BREAKGLASS_UNUSABLE")),
        ([{"id": "u"}], ("unknown", "DATA_INCOMPLETE")),
    ],
)
async def test_a_group_for_emergencies_needs_somebody_who_can_sign_in(
    members: list[dict[str, Any]], expected: tuple[str, str]
) -> None:
    group = str(uuid.uuid4())
    overrides = policies({"excludeGroups": [group]}) | {
        "/groups": [{"id": group}],
        f"/groups/{group}/transitiveMembers/microsoft.graph.user": members,
    }
    settings = {"emergency_access": {TENANT: (group,)}}
    async with task_context(tenant=TENANT, settings=settings, overrides=overrides) as context:
        result = await TASKS["identity.emergency_access"](context)

    assert (result.status.value, result.reason_code) == expected


async def test_an_account_that_the_directory_does_not_have_is_missing() -> None:
    settings = {"emergency_access": {TENANT: (ACCOUNT, str(uuid.uuid4()))}}
    async with task_context(tenant=TENANT, settings=settings) as context:
        result = await TASKS["identity.emergency_access"](context)

    assert (result.status.value, result.reason_code) == ("fail", "BREAKGLASS_UNUSABLE")
    assert sorted(account["kind"] for account in result.payload["accounts"]) == ["missing", "user"]


async def test_the_accounts_of_another_tenant_do_not_count() -> None:
    async with task_context(settings=TOLD) as context:
        emergency = await TASKS["identity.emergency_access"](context)
        legacy = await TASKS["identity.legacy_auth"](context)

    assert (emergency.status.value, emergency.reason_code) == ("warn", "BREAKGLASS_GUESSED")
    assert (legacy.status.value, legacy.reason_code) == ("warn", "LEGACY_EXCLUSIONS")


async def test_emergency_accounts_may_be_excluded_from_the_legacy_authentication_policy() -> None:
    async with task_context(tenant=TENANT.upper(), settings=TOLD) as context:
        result = await TASKS["identity.legacy_auth"](context)

    assert (result.status.value, result.payload["declared_exclusions"]) == ("ok", [ACCOUNT])
