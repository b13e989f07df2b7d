"""Announcements of somebody else who writes on the topic of task types: every gate stays closed."""

from collections.abc import Awaitable, Callable

import msgspec
import pytest

from onboarding_shared.contracts.task_runner import TaskTypeDeclaration, TaskTypesAnnounced
from tests.integration.session_api.service import CATALOGUE, TENANT, Api, declaration

SESSION = f"/tenants/{TENANT}/onboarding/session"
GATES = {
    1: "graph.connectivity",
    2: "app.consent",
    3: "license.inventory",
    4: "identity.baseline",
    5: "identity.global_admins",
}
"""The only required task type of each step."""
OPTIONAL = tuple(declared for declared in CATALOGUE if not declared.required)
RELAXED = tuple(msgspec.structs.replace(declared, required=False) for declared in CATALOGUE)
EVIL = (declaration("evil.only", required=False),)
Forgery = Callable[[Api], Awaitable[None]]


async def announce(api: Api, task_types: tuple[TaskTypeDeclaration, ...]) -> None:
    await api.consume(TaskTypesAnnounced(tenant_id=0, task_types=task_types))


async def wait_16_minutes(api: Api) -> None:
    await api.rows("UPDATE task_types SET announced_at = announced_at - interval '16 minutes'")


async def omitted(api: Api) -> None:
    await announce(api, OPTIONAL)


async def omitted_again_after_16_minutes(api: Api) -> None:
    await announce(api, OPTIONAL)
    await wait_16_minutes(api)
    await announce(api, OPTIONAL)
    await announce(api, EVIL)


async def no_longer_required(api: Api) -> None:
    await announce(api, RELAXED)


async def no_longer_required_and_then_omitted(api: Api) -> None:
    await announce(api, RELAXED)
    await wait_16_minutes(api)
    await announce(api, RELAXED)
    await wait_16_minutes(api)
    await announce(api, EVIL)
    await announce(api, EVIL)


@pytest.mark.parametrize(
    "forgery", [omitted, omitted_again_after_16_minutes, no_longer_required, no_longer_required_and_then_omitted]
)
async def test_no_forged_announcement_opens_a_gate(api: Api, forgery: Forgery) -> None:
    session = (await api.session())["id"]
    await forgery(api)
    refused = {}
    for step, required in GATES.items():
        refused[step] = await leave(api, session, step)
        await api.run_to_end(required)
        assert await leave(api, session, step) == (200, [])

    assert refused == {step: (409, [required]) for step, required in GATES.items()}


async def leave(api: Api, session: int, step: int) -> tuple[int, list[str]]:
    """Go to the next step, or complete the session; returns the status and the tasks that are not ready."""
    if step == max(GATES):
        answer = await api.caller().post(f"{SESSION}/{session}/complete")
    else:
        answer = await api.caller().patch(f"{SESSION}/{session}", json={"current_step": step + 1})
    return answer.status_code, [task["task_type"] for task in answer.json().get("tasks", [])]
