"""The recorded tenants: what each of the twelve checks finds in them, over real HTTP."""

import pytest

from microsoft_emulator.recorded import EMERGENCY_ACCESS, RECORDED, control_request, guid_of
from task_runner.tasks import TaskFault, Wait, discover
from task_runner.testing import CLIENT_ID, GraphServer, graph_server, task_context
from tests.support.recorded import EXPECTED

TASKS = discover()


def test_every_recorded_tenant_is_judged_here() -> None:
    assert set(RECORDED) == set(EXPECTED)


@pytest.mark.parametrize("name", EXPECTED)
async def test_each_check_finds_what_the_tenant_is_recorded_for(name: str) -> None:
    async with graph_server() as server:
        control = {**control_request(name, CLIENT_ID), "conditional_access_rate": None}
        await server.tell(guid_of(name), **control)

        assert {task: await verdict(server, name, task) for task in EXPECTED[name]} == EXPECTED[name]


async def verdict(server: GraphServer, name: str, task: str) -> str:
    settings = {"emergency_access": EMERGENCY_ACCESS, "attempts": 1}
    async with task_context(server=server, tenant=guid_of(name), settings=settings) as context:
        try:
            result = await TASKS[task](context)
        except TaskFault as fault:
            return f"unknown {fault.reason_code}"
        except Wait as wait:
            return f"waiting {wait.reason_code}"
    return f"{result.status.value} {result.reason_code}"
