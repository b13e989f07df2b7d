"""Conditional Access policies with features in preview: only the beta version of Microsoft Graph returns them."""

from typing import Any

import pytest

from task_runner.checks.identity.protection import POLICIES
from task_runner.tasks import discover
from task_runner.testing import task_context
from tests.support.emergency import ACCOUNT, TENANT, TOLD
from tests.support.policies import blocks, sent

TASKS = discover()
EXCLUDED = {"excludeUsers": [ACCOUNT]}
PREVIEW = blocks("Preview", clients=("all",), conditions={"agentIdRiskLevels": "high"})


async def result_of(name: str, **overrides: Any) -> Any:
    async with task_context(tenant=TENANT, settings=TOLD, overrides=overrides) as context:
        return await TASKS[name](context)


async def test_a_policy_in_preview_can_lock_out_an_account() -> None:
    visible = [sent(users=EXCLUDED)]
    overrides = {POLICIES: visible, f"/beta{POLICIES}": [*visible, PREVIEW]}
    result = await result_of("identity.emergency_access", **overrides)

    assert (result.status.value, result.reason_code) == ("fail", "BREAKGLASS_NOT_EXCLUDED")
    assert result.payload["accounts"][0]["not_excluded_from"] == [{"id": "preview", "name": "Preview"}]


@pytest.mark.parametrize("name", ["identity.baseline", "identity.legacy_auth", "identity.emergency_access"])
async def test_the_evidence_names_the_version_of_the_policies(name: str) -> None:
    result = await result_of(name)
    versions = {response["url"].split("/")[3] for response in result.payload["provenance"]["responses"]}

    assert "beta" in versions
