"""Evidence of a task that asked another service than Microsoft Graph, over real HTTP."""

from typing import Any

from litestar import Litestar, get

from task_runner.tasks import Result, Secret, TaskContext, task
from task_runner.testing import serving, task_context


@get("/tickets")
async def tickets() -> dict[str, int]:
    return {"open": 3}


@task("example.tickets", step=1, title="Tickets", scope="tenant", required=False)
async def count_tickets(context: TaskContext) -> Result:
    """Counts the open tickets."""
    url, token = context.settings
    answer = await context.http.get(f"{url}/tickets", headers={"Authorization": f"Bearer {token.reveal()}"})
    return Result.ok("TICKETS_COUNTED", "Counted.", answer.json())


async def test_a_task_of_a_tenant_has_the_responses_of_another_service() -> None:
    async with serving(Litestar([tickets])) as url:
        settings: Any = (url, Secret("only-for-tests"))
        async with task_context(connected=False, task_settings=settings) as context:
            result = await count_tickets(context)

    provenance = result.payload["provenance"]
    (response,) = provenance["responses"]
    assert result.payload["open"] == 3
    assert (provenance["api_version"], provenance["response_count"]) == (None, 1)
    assert (response["url"], response["status"], response["method"]) == (f"{url}/tickets", 200, "GET")
    assert provenance["collected_at"] == response["collected_at"]
    assert "only-for-tests" not in str(result)


async def test_a_task_that_asked_nobody_has_no_responses() -> None:
    @task("example.nothing", step=1, title="Nothing", scope="tenant", required=False)
    async def ask_nobody(context: TaskContext) -> Result:
        """Asks nobody."""
        return Result.ok("NOTHING_ASKED", "Nothing.")

    async with task_context(connected=False) as context:
        result = await ask_nobody(context)
    assert "responses" not in result.payload["provenance"]


async def test_graph_and_another_service_are_in_one_record() -> None:
    @task("example.both", step=1, title="Both", required=False)
    async def ask_both(context: TaskContext) -> Result:
        """Asks both."""
        await context.graph.list("/organization", permission="Organization.Read.All")
        await context.http.get(f"{context.settings}/tickets")
        return Result.ok("BOTH_ASKED", "Both.")

    async with serving(Litestar([tickets])) as url, task_context(task_settings=url) as context:
        provenance = (await ask_both(context)).payload["provenance"]
    assert provenance["api_version"] == "v1.0"
    assert [response["api_version"] for response in provenance["responses"]] == ["v1.0", None]
