"""The runs of all customers: whose they are, filters and pages."""

from tests.integration.session_api.service import TENANT, Api

LIST = "/onboarding/runs"


async def start(api: Api, tenant_id: int, task_type: str = "license.inventory") -> int:
    path = f"/tenants/{tenant_id}/onboarding/tasks/{task_type}/runs"
    return int((await api.caller(tenants=(TENANT, 43)).post(path)).json()["run_id"])


async def run_ids(api: Api, query: str = "", *, tenants: tuple[int, ...] = (TENANT, 43)) -> list[int]:
    return [run["id"] for run in (await api.caller(tenants=tenants).get(LIST + query)).json()]


async def test_runs_of_all_tenants_are_listed_newest_first(api: Api) -> None:
    first, second = await start(api, TENANT), await start(api, 43)
    assert await run_ids(api) == [second, first]


async def test_runs_of_another_tenant_are_not_listed(api: Api) -> None:
    first, _ = await start(api, TENANT), await start(api, 43)
    assert await run_ids(api, tenants=(TENANT,)) == [first]


async def test_filters_leave_only_runs_that_match(api: Api) -> None:
    ended, active = await start(api, TENANT), await start(api, 43, "app.consent")
    await api.finish(ended, "license.inventory")
    assert await run_ids(api, "?state=queued&state=running") == [active]
    assert await run_ids(api, "?state=succeeded") == [ended]
    assert await run_ids(api, "?taskType=app.consent") == [active]
    assert await run_ids(api, "?older_than_seconds=60") == []
    await api.rows("UPDATE operation_runs SET created_at = now() - interval '2 minutes' WHERE id = :id", id=ended)
    assert await run_ids(api, "?older_than_seconds=60") == [ended]


async def test_pages_follow_the_link_header(api: Api) -> None:
    first, second = await start(api, TENANT), await start(api, 43)
    caller = api.caller(tenants=(TENANT, 43))
    page = await caller.get(f"{LIST}?limit=1")
    following = await caller.get(page.headers["link"].removeprefix("<").partition(">")[0])
    assert [run["id"] for run in page.json() + following.json()] == [second, first]
    assert "link" not in following.headers
