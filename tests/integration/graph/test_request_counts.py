"""The requests to Microsoft Graph for one customer's full set of checks."""

import pytest

from microsoft_emulator.tenants import PARTNER_TENANT
from task_runner.tasks import discover
from task_runner.testing import PARTNER_SIDE, graph_server, task_context
from tests.support.emergency import TENANT, TOLD

MOST_REQUESTS = 20
CHECKS = [
    task
    for task in discover().values()
    if task.mode == "shared" and task.declaration.distribution == "onboarding-task-runner"
]


async def test_a_full_set_of_checks_needs_few_requests(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("task_runner.providers.access.STARTED_TOGETHER", 60.0)
    async with graph_server() as server:
        await server.tell(PARTNER_TENANT, granted=PARTNER_SIDE, page_size=100)
        await server.tell(TENANT, page_size=100, conditional_access_rate=1)
        async with task_context(server=server, tenant=TENANT, settings=TOLD) as context:
            statuses = {task.name: (await task(context)).status.value for task in CHECKS}
        requested = [await server.requested(tenant) for tenant in (TENANT, PARTNER_TENANT)]

    sent = "\n".join(requested[0] + requested[1])
    assert statuses == dict.fromkeys(statuses, "ok") and len(statuses) == 12
    assert len(requested[0]) + len(requested[1]) <= MOST_REQUESTS, f"\n{sent}"
    assert sent.count("conditionalAccess") == 1
