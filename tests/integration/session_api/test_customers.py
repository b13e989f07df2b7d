"""The list of customers: who is on it, what it says of each, its filters, its order and its pages."""

import base64
from typing import Any

import pytest

from tests.integration.session_api.service import TENANT, Api, connection_body

LIST = "/onboarding/tenants"
OTHERS = (TENANT, 43, 44)


async def customers(api: Api, query: str = "", *, user: int = 7, tenants: Any = OTHERS) -> list[dict[str, Any]]:
    answer = await api.caller(user, tenants=tenants).get(LIST + query)
    assert answer.status_code == 200, answer.text
    return answer.json()


async def ids(api: Api, query: str = "", **more: Any) -> list[int]:
    return [customer["tenant_id"] for customer in await customers(api, query, **more)]


async def named(api: Api, tenant_id: int, name: str) -> None:
    path = f"/tenants/{tenant_id}/onboarding/name"
    assert (await api.caller(tenants=OTHERS).put(path, json={"display_name": name})).status_code == 200


async def test_a_customer_without_data_is_listed_by_its_id(api: Api) -> None:
    assert (await customers(api, tenants=(43,))) == [
        {
            "tenant_id": 43,
            "display_name": "Tenant 43",
            "external_tenant_id": None,
            "session": None,
            "counts": {"ok": 0, "warn": 0, "fail": 0, "unknown": 8},
            "active_runs": 0,
            "active_run": None,
            "oldest_evidence_at": None,
            "next_expires_at": None,
        }
    ]


async def test_a_tenant_without_the_read_permission_is_left_out(api: Api) -> None:
    tenants = {TENANT: ["onboarding.read"], 43: ["onboarding.write"]}
    caller = api.caller(tenants=tenants, permissions=())
    assert [customer["tenant_id"] for customer in (await caller.get(LIST)).json()] == [TENANT]


async def test_verdicts_are_counted_as_the_list_of_tasks_has_them(api: Api) -> None:
    await api.connection()
    await api.run_to_end("graph.connectivity", "warn")
    await api.run_to_end("app.consent", "fail")
    await api.run_to_end("license.inventory")
    await api.run_to_end("app.grant")
    await api.rows("UPDATE operation_runs SET finished_at = now() - interval '8 days' WHERE task_type = 'app.grant'")
    tasks = (await api.caller().get(f"/tenants/{TENANT}/onboarding/tasks")).json()
    expected = {status: sum(task["status"] == status for task in tasks) for status in ("ok", "warn", "fail", "unknown")}
    assert expected == {"ok": 1, "warn": 1, "fail": 1, "unknown": 5}
    assert (await customers(api))[0]["counts"] == expected


async def test_of_two_connections_without_a_choice_none_is_judged(api: Api) -> None:
    await api.connection()
    await api.run_to_end("graph.connectivity")
    await api.connection("another")
    assert (await customers(api))[0]["counts"]["ok"] == 0


async def test_the_connection_of_the_session_is_judged(api: Api) -> None:
    first = await api.connection()
    await api.run_to_end("graph.connectivity")
    await api.connection("another")
    session = await api.session()
    path = f"/tenants/{TENANT}/onboarding/session/{session['id']}"
    await api.caller().patch(path, json={"provider_connection_id": first})
    assert (await customers(api))[0]["counts"]["ok"] == 1


async def test_times_are_those_of_the_oldest_verdict_that_counts(api: Api) -> None:
    await api.run_to_end("app.consent")
    await api.rows("UPDATE operation_runs SET finished_at = '2026-11-20T10:00:00Z'")
    await api.rows("UPDATE operation_runs SET finished_at = date_trunc('day', now()) - interval '2 days'")
    customer = (await customers(api))[0]
    [(finished_at, expires_at)] = await api.rows(
        "SELECT finished_at, finished_at + interval '7 days' FROM operation_runs"
    )
    assert customer["oldest_evidence_at"] == finished_at.isoformat().replace("+00:00", "Z")
    assert customer["next_expires_at"] == expires_at.isoformat().replace("+00:00", "Z")


async def test_the_active_run_is_shown_with_its_state(api: Api) -> None:
    await api.start("app.consent")
    run_id = (await api.start("license.inventory")).json()["run_id"]
    await api.begin(run_id, "license.inventory")
    customer = (await customers(api))[0]
    assert customer["active_runs"] == 2
    assert (customer["active_run"]["id"], customer["active_run"]["state"]) == (run_id, "running")


async def test_the_latest_session_is_shown_with_its_holder(api: Api) -> None:
    session = await api.session()
    shown = (await customers(api))[0]["session"]
    assert (shown["id"], shown["status"], shown["current_step"]) == (session["id"], "draft", 1)
    assert (shown["locked_by_user_id"], shown["locked_until"]) == (7, session["locked_until"])


async def test_a_lock_that_has_expired_is_shown_as_free(api: Api) -> None:
    await api.session()
    await api.rows("UPDATE onboarding_sessions SET locked_until = now() - interval '1 second'")
    assert (await customers(api))[0]["session"]["locked_by_user_id"] is None


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("?session=open", [TENANT]),
        ("?session=none", [44, 43]),
        ("?session=completed", []),
        ("?verdict=fail", [TENANT]),
        ("?verdict=ok", []),
        ("?needs_attention=true", [TENANT]),
        ("?needs_attention=false", [44, 43]),
        ("?activity=running", []),
        ("?activity=active", [43]),
        ("?locked_by=me", [TENANT]),
        ("?locked_by=8", []),
        ("?search=43", [43]),
        ("?search=fabrikam", [44]),
        ("?search=%25", []),
        ("?search=_", []),
    ],
)
async def test_filters_leave_only_customers_that_match(api: Api, query: str, expected: list[int]) -> None:
    await api.session()
    await api.run_to_end("app.consent", "fail")
    await named(api, 44, "Fabrikam Legal")
    await api.caller(tenants=OTHERS).post("/tenants/43/onboarding/tasks/app.consent/runs")
    assert await ids(api, query) == expected


async def test_a_waiting_run_is_found_by_its_activity(api: Api) -> None:
    await api.start("app.consent")
    await api.rows("UPDATE operation_runs SET state = 'waiting'")
    assert await ids(api, "?activity=waiting") == [TENANT]


async def test_a_failed_optional_task_needs_no_attention(api: Api) -> None:
    await api.run_to_end("app.optional", "fail")
    assert await ids(api, "?verdict=fail") == [TENANT]
    assert await ids(api, "?needs_attention=true") == []
    assert (await api.caller().get(f"{LIST}/summary")).json()["need_attention"] == 0


@pytest.mark.parametrize("sort", ["name", "step", "oldest_evidence", "next_expiry"])
@pytest.mark.parametrize("direction", ["", "-"])
async def test_pages_have_each_customer_once_in_order(api: Api, sort: str, direction: str) -> None:
    await named(api, 43, "Adatum")
    await named(api, 44, "Fabrikam")
    await api.session()
    await api.run_to_end("app.consent")
    whole = await ids(api, f"?sort={direction}{sort}")
    address, seen = f"{LIST}?sort={direction}{sort}&limit=1", []
    caller = api.caller(tenants=OTHERS)
    while address:
        answer = await caller.get(address)
        seen += [customer["tenant_id"] for customer in answer.json()]
        link = answer.headers.get("link", "")
        address = link.removeprefix("<").partition(">")[0]
    assert seen == whole
    assert sorted(seen) == [42, 43, 44]


async def test_a_page_ends_after_the_longest_name(api: Api) -> None:
    await named(api, 43, "\N{CJK UNIFIED IDEOGRAPH-4E00}" * 200)
    await named(api, 44, "\N{CJK UNIFIED IDEOGRAPH-4E00}" * 200)
    page = await api.caller(tenants=(43, 44)).get(f"{LIST}?limit=1")
    following = await api.caller(tenants=(43, 44)).get(page.links["next"]["url"])
    assert [customer["tenant_id"] for customer in page.json() + following.json()] == [43, 44]


@pytest.mark.parametrize(
    "text", ['{"key":"\\u0000","tenant":1}', '{"key":"\\ud800","tenant":1}', '{"key":"a","tenant":0}']
)
async def test_a_cursor_that_no_page_gave_is_refused(api: Api, text: str) -> None:
    cursor = base64.urlsafe_b64encode(text.encode()).decode()
    answer = await api.caller().get(LIST, params={"cursor": cursor})
    assert (answer.status_code, answer.json()["code"]) == (400, "INVALID_CURSOR")


async def test_customers_without_a_session_come_after_all_steps(api: Api) -> None:
    await api.session()
    assert await ids(api, "?sort=step") == [TENANT, 43, 44]


async def test_names_sort_without_regard_to_case(api: Api) -> None:
    await named(api, 43, "adatum")
    await named(api, 44, "Zava")
    await named(api, TENANT, "Contoso")
    assert await ids(api) == [43, TENANT, 44]
    assert await ids(api, "?sort=-name") == [44, TENANT, 43]


async def test_an_enabled_connection_names_a_tenant_without_a_name(api: Api) -> None:
    await api.connection("Contoso production")
    assert (await customers(api))[0]["display_name"] == "Contoso production"
    await named(api, TENANT, "Contoso")
    assert (await customers(api))[0]["display_name"] == "Contoso"


async def test_a_name_with_control_characters_is_refused(api: Api) -> None:
    path = f"/tenants/{TENANT}/onboarding/name"
    answer = await api.caller().put(path, json={"display_name": "Con\u0000toso"})
    assert answer.status_code == 400


@pytest.mark.parametrize(
    "query",
    ["?cursor=nonsense", "?sort=price", "?needs_attention=maybe", "?verdict=great", "?locked_by=you", "?limit=0"],
)
async def test_a_wrong_parameter_is_refused(api: Api, query: str) -> None:
    assert (await api.caller().get(LIST + query)).status_code == 400


async def test_the_summary_counts_customers(api: Api) -> None:
    await api.session()
    await api.run_to_end("app.consent", "fail")
    await api.start("license.inventory")
    await api.rows("UPDATE operation_runs SET state = 'waiting' WHERE task_type = 'license.inventory'")
    answer = await api.caller(tenants=OTHERS).get(f"{LIST}/summary")
    assert answer.json() == {
        "tenants": 3,
        "in_onboarding": 1,
        "waiting": 1,
        "need_attention": 1,
        "completed": 0,
        "ending_soon": 0,
    }


async def test_the_export_has_a_line_for_each_customer(api: Api) -> None:
    await named(api, 44, '=HYPERLINK("https://example.org")')
    answer = await api.caller(tenants=OTHERS).get("/onboarding/tenants.csv")
    assert answer.headers["content-type"].startswith("text/csv")
    lines = answer.text.splitlines()
    assert lines[0].startswith("tenant_id,display_name,external_tenant_id")
    assert sorted(line.partition(",")[0] for line in lines[1:]) == ["42", "43", "44"]
    assert '"\'=HYPERLINK(""https://example.org"")"' in answer.text


async def test_a_name_in_the_export_is_no_full_width_formula(api: Api) -> None:
    await named(api, 44, "\N{FULLWIDTH EQUALS SIGN}1+1")
    answer = await api.caller(tenants=(44,)).get("/onboarding/tenants.csv")
    assert answer.text.splitlines()[1].startswith("44,'\N{FULLWIDTH EQUALS SIGN}1+1,")


async def test_expiries_name_the_verdicts_that_end_first(api: Api) -> None:
    await api.run_to_end("app.consent")
    await api.run_to_end("license.inventory", "warn")
    await api.rows(
        "UPDATE operation_runs SET finished_at = now() - interval '3 days' WHERE task_type = 'license.inventory'"
    )
    answer = await api.caller().get("/onboarding/expiries?within_days=5")
    assert [(expiry["task_type"], expiry["status"]) for expiry in answer.json()] == [("license.inventory", "warn")]
    answer = await api.caller().get("/onboarding/expiries?within_days=30")
    assert [expiry["task_type"] for expiry in answer.json()] == ["license.inventory", "app.consent"]


async def test_pages_of_expiries_have_each_verdict_once_in_order(api: Api) -> None:
    for task_type in (
        "app.consent",
        "license.inventory",
        "identity.baseline",
        "identity.global_admins",
        "app.optional",
    ):
        await api.run_to_end(task_type)
    # Three that expire at the same time are in the order of their names.
    await api.rows(
        "UPDATE operation_runs SET finished_at = date_trunc('hour', now()) - interval '1 hour'"
        " WHERE task_type LIKE 'identity.%' OR task_type = 'app.optional'"
    )
    path, seen = "/onboarding/expiries?limit=2", []
    while path:
        answer = await api.caller().get(path)
        seen.append([expiry["task_type"] for expiry in answer.json()])
        path = answer.headers.get("link", "").partition(">")[0].removeprefix("<")

    assert seen == [
        ["app.optional", "identity.baseline"],
        ["identity.global_admins", "app.consent"],
        ["license.inventory"],
    ]


async def test_connections_of_other_tenants_name_no_tenant(api: Api) -> None:
    path = "/tenants/43/onboarding/provider-connections"
    await api.caller(tenants=OTHERS).post(path, json=connection_body("Fabrikam"))
    assert [customer["display_name"] for customer in await customers(api)] == ["Fabrikam", "Tenant 42", "Tenant 44"]
