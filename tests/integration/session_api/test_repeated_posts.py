"""Every POST takes effect once: it takes an Idempotency-Key, or is safe to repeat."""

from collections.abc import Awaitable, Callable, Mapping
from datetime import UTC, datetime
from typing import Any

import pytest

from onboarding_shared.contracts.task_runner import RunProgressed
from onboarding_shared.contracts.types import RunState
from tests.integration.session_api.service import CATALOGUE, TENANT, Api

BASE = f"/tenants/{TENANT}/onboarding"
KEYED = {"startRun", "retryRun", "retryRuns", "startStep", "openSession", "createConnection", "createConsentRequest"}
REPEATABLE = {
    "completeSession",
    "abandonSession",
    "cancelRun",
    "cancelRuns",
    "resumeRun",
    "disableConnection",
    "releaseSession",
    "replayDeadLetter",
    "replayDeadLetterGroup",
    "discardDeadLetter",
    "discardDeadLetterGroup",
}
"""POSTs whose effect is there already when they are repeated."""

SESSION = f"{BASE}/session"
EFFECTS = """
SELECT (SELECT count(*) FROM session_history), (SELECT count(*) FROM operation_runs),
       (SELECT count(*) FROM outbox WHERE event_type NOT LIKE '%ResumeTask%')
"""
"""A run that is resumed already is told again, and passes over it."""


async def abandonment(api: Api) -> str:
    return f"{SESSION}/{(await api.session())['id']}/abandon"


async def release(api: Api) -> str:
    return f"{SESSION}/{(await api.session())['id']}/release"


async def completion(api: Api) -> str:
    session = (await api.session())["id"]
    for declared in CATALOGUE:
        if declared.required:
            await api.run_to_end(declared.name)
            await api.caller().patch(f"{SESSION}/{session}", json={"current_step": min(declared.step + 1, 5)})
    return f"{SESSION}/{session}/complete"


async def cancellation(api: Api) -> str:
    run = (await api.start("license.inventory")).json()["run_id"]
    await api.begin(run, "license.inventory")
    return f"{BASE}/runs/{run}/cancel"


async def resumption(api: Api) -> str:
    run = (await api.start("license.inventory")).json()["run_id"]
    await api.begin(run, "license.inventory")
    waits = RunProgressed(
        tenant_id=TENANT,
        run_id=run,
        task_type="license.inventory",
        attempt=1,
        state=RunState.WAITING,
        reason_code="THROTTLED",
        resume_at=datetime(2026, 11, 24, 9, 5, tzinfo=UTC),
        message="Microsoft Graph throttles.",
    )
    await api.consume(waits)
    return f"{BASE}/runs/{run}/resume"


async def disabling(api: Api) -> str:
    return f"{BASE}/provider-connections/{await api.connection()}/disable"


def posts(api: Api) -> Mapping[str, Any]:
    """Operation id → every POST of the service, as its API page describes it."""
    paths = api.service.app.openapi_schema.to_schema()["paths"]
    operations = [operations["post"] for operations in paths.values() if "post" in operations]
    return {operation["operationId"]: operation for operation in operations}


async def test_every_post_takes_a_key_or_is_safe_to_repeat(api: Api) -> None:
    described = posts(api)
    keyed = {
        name
        for name, operation in described.items()
        if "Idempotency-Key" in [parameter["name"] for parameter in operation.get("parameters", [])]
    }

    assert keyed == KEYED
    assert described.keys() - keyed == REPEATABLE


@pytest.mark.parametrize("prepare", [abandonment, release, completion, cancellation, resumption, disabling])
async def test_a_repeated_post_without_a_key_does_nothing_more(
    api: Api, prepare: Callable[[Api], Awaitable[str]]
) -> None:
    path = await prepare(api)
    before = await api.rows(EFFECTS)
    first = await api.caller().post(path)
    done = await api.rows(EFFECTS)
    again = await api.caller().post(path)

    assert first.is_success
    assert again.status_code in (first.status_code, 409)
    assert done != before or prepare is resumption
    assert await api.rows(EFFECTS) == done
