"""Readers get a tenant's evidence, newest first, and nobody else's."""

import hashlib
from datetime import datetime, timedelta
from typing import Any
from urllib.parse import parse_qs, urljoin, urlsplit

import pytest

from tests.integration.evidence_store.store_harness import MIXED, StoreHarness
from tests.support.evidence_chains import NOW, result

LIST = "/tenants/42/onboarding/evidence"


async def runs(store: StoreHarness, **query: Any) -> list[int]:
    answer = await store.reader().get(LIST, params=query)
    assert answer.status_code == 200, answer.text
    return [item["operation_run_id"] for item in answer.json()]


async def test_the_list_is_newest_first_and_the_tenants_own(calm: StoreHarness) -> None:
    assert await runs(calm) == [6, 5, 4, 3, 2, 1]


async def test_a_record_has_the_contracts_fields_and_its_chain_position(store: StoreHarness) -> None:
    await store.consume(result(1))
    ((evidence_id, recorded_at, previous_seal, seal),) = await store.rows(
        "SELECT id, recorded_at, previous_seal, seal FROM evidence"
    )
    answer = await store.reader().get(LIST)
    assert answer.headers["content-type"] == "application/json"
    assert answer.json() == [
        {
            "id": evidence_id,
            "tenant_id": 42,
            "onboarding_session_id": 9,
            "provider_connection_id": 3,
            "task_type": "license.inventory",
            "status": "ok",
            "reason_code": "LICENSES_FOUND",
            "message": "Two subscriptions",
            "payload": {"skus": ["E3", "E5"]},
            "operation_run_id": 1,
            "recorded_at": recorded_at.strftime("%Y-%m-%dT%H:%M:%S.%fZ"),
            "run_state": "succeeded",
            "attempt": 1,
            "started_at": "2026-11-24T09:30:00.000000Z",
            "finished_at": "2026-11-24T09:30:00.000000Z",
            "position": 1,
            "previous_seal": previous_seal.hex(),
            "seal": seal.hex(),
        }
    ]


async def test_one_record_carries_the_bytes_that_its_seal_covers(calm: StoreHarness) -> None:
    for listed in (await calm.reader().get(LIST)).json():
        item = (await calm.reader().get(f"{LIST}/{listed['id']}")).json()
        record = item.pop("record")
        assert item == listed
        assert hashlib.sha256(bytes.fromhex(item["previous_seal"]) + record.encode()).hexdigest() == item["seal"]


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ({"taskType": "app.consent"}, [3, 2]),
        ({"taskType": "app"}, []),
        ({"taskType": ""}, []),
        ({"taskType": "null"}, []),
        ({"taskType": "x" * 5000}, []),
        ({"status": "ok"}, [4, 3, 1]),
        ({"status": "unknown"}, [5]),
        ({"reason_code": "CONSENT_MISSING"}, [2]),
        ({"session": 10}, [4]),
        ({"session": 2**63 - 1}, []),
        ({"run": 3}, [3]),
        ({"run": 7}, []),
        ({"taskType": "app.consent", "status": "ok"}, [3]),
        ({"limit": 2}, [6, 5]),
    ],
)
async def test_filters_pick(calm: StoreHarness, query: dict[str, Any], expected: list[int]) -> None:
    assert await runs(calm, **query) == expected


async def test_since_is_inclusive_and_until_is_not(calm: StoreHarness) -> None:
    times = [time for (time,) in await calm.rows("SELECT DISTINCT recorded_at FROM evidence ORDER BY 1")]
    assert len(times) == 3
    second = times[1].isoformat()
    assert await runs(calm, since=second) == [6, 5, 4]
    assert await runs(calm, until=second) == [3, 2, 1]
    assert await runs(calm, since=second, until=times[2].isoformat()) == [5, 4]


async def test_times_are_understood_in_any_zone(calm: StoreHarness) -> None:
    ((first,),) = await calm.rows("SELECT min(recorded_at) FROM evidence")
    moved = (first + timedelta(hours=5)).strftime("%Y-%m-%dT%H:%M:%S.%f+05:00")
    assert len(await runs(calm, since=moved)) == 6
    assert await runs(calm, until=moved) == []


async def follow(store: StoreHarness, url: str) -> list[list[int]]:
    pages: list[list[int]] = []
    while url:
        answer = await store.reader().get(url)
        assert answer.status_code == 200, answer.text
        pages.append([item["operation_run_id"] for item in answer.json()])
        link = answer.headers.get("link", "")
        target, _, relation = link.partition("; ")
        assert relation in ("", 'rel="next"')
        url = urljoin(str(answer.url), target.strip("<>")) if link else ""
    return pages


async def test_the_link_leads_through_all_pages(calm: StoreHarness) -> None:
    assert await follow(calm, f"{LIST}?limit=4") == [[6, 5, 4, 3], [2, 1]]
    assert await follow(calm, f"{LIST}?limit=3") == [[6, 5, 4], [3, 2, 1]]
    assert await follow(calm, f"{LIST}?limit=6") == [[6, 5, 4, 3, 2, 1]]


async def test_the_link_keeps_the_filters_and_is_relative(calm: StoreHarness) -> None:
    answer = await calm.reader().get(LIST, params={"taskType": "app.consent", "since": NOW.isoformat(), "limit": 1})
    target = answer.headers["link"].partition(">")[0].lstrip("<")
    assert target.startswith("?")
    query = parse_qs(urlsplit(target).query)
    assert query["taskType"] == ["app.consent"]
    assert query["since"] == [NOW.isoformat()]
    assert query["limit"] == ["1"]
    assert len(query["cursor"]) == 1
    assert await follow(calm, f"{LIST}?taskType=app.consent&limit=1") == [[3], [2]]


async def test_evidence_that_comes_meanwhile_moves_no_page(store: StoreHarness) -> None:
    for batch in MIXED:
        await store.consume(*batch)
    first = await store.reader().get(LIST, params={"limit": 3})
    await store.consume(result(8))
    second = await store.reader().get(urljoin(str(first.url), first.headers["link"].partition(">")[0].lstrip("<")))
    assert [item["operation_run_id"] for item in second.json()] == [3, 2, 1]


async def test_a_page_of_large_records_ends_early_and_goes_on(store: StoreHarness) -> None:
    await store.consume(*(result(number, payload={"text": "x" * 250_000}) for number in range(1, 41)))
    pages = await follow(store, f"{LIST}?limit=200")
    assert [run for page in pages for run in page] == list(range(40, 0, -1))
    assert len(pages) == 3


async def test_the_default_page_has_50_items(store: StoreHarness) -> None:
    await store.consume(*(result(number) for number in range(1, 53)))
    assert [len(page) for page in await follow(store, LIST)] == [50, 2]


async def cursor(store: StoreHarness, query: dict[str, Any]) -> str:
    answer = await store.reader().get(LIST, params=query)
    return parse_qs(urlsplit(answer.headers["link"].partition(">")[0].lstrip("<")).query)["cursor"][0]


async def test_a_changed_cursor_or_one_of_another_list_is_refused(calm: StoreHarness) -> None:
    good = await cursor(calm, {"limit": 2})
    for query in (
        {"cursor": good, "status": "ok"},
        {"cursor": good[:-1] + ("A" if good[-1] != "A" else "B")},
        {"cursor": ""},
        {"cursor": "x" * 28},
        {"cursor": "null"},
    ):
        answer = await calm.reader().get(LIST, params=query)
        assert (answer.status_code, answer.json()["code"], answer.json()["field"]) == (400, "INVALID_CURSOR", "cursor")
    other = await calm.reader(tenants=(43,)).get("/tenants/43/onboarding/evidence", params={"cursor": good})
    assert other.json()["code"] == "INVALID_CURSOR"


@pytest.mark.parametrize(
    ("query", "code", "field"),
    [
        ("limit=0", "INVALID_PARAMETER", "limit"),
        ("limit=201", "INVALID_PARAMETER", "limit"),
        ("limit=many", "INVALID_PARAMETER", "limit"),
        ("limit=", "INVALID_PARAMETER", "limit"),
        ("limit=null", "INVALID_PARAMETER", "limit"),
        ("status=fine", "INVALID_PARAMETER", "status"),
        ("status=", "INVALID_PARAMETER", "status"),
        ("status=null", "INVALID_PARAMETER", "status"),
        ("reason_code=lower", "INVALID_PARAMETER", "reason_code"),
        ("session=0", "INVALID_PARAMETER", "session"),
        ("session=9223372036854775808", "INVALID_PARAMETER", "session"),
        ("session=null", "INVALID_PARAMETER", "session"),
        ("run=-1", "INVALID_PARAMETER", "run"),
        ("run=1.5", "INVALID_PARAMETER", "run"),
        ("since=yesterday", "INVALID_PARAMETER", "since"),
        ("since=2026-11-24", "INVALID_PARAMETER", "since"),
        ("since=2026-11-24T09:30:00", "INVALID_PARAMETER", "since"),
        ("since=1700000000", "INVALID_PARAMETER", "since"),
        ("since=null", "INVALID_PARAMETER", "since"),
        ("until=0001-01-01T00:00:00%2B14:00", "INVALID_PARAMETER", "until"),
        ("until=9999-12-31T23:59:59-14:00", "INVALID_PARAMETER", "until"),
        ("tasktype=app.consent", "UNKNOWN_PARAMETER", "tasktype"),
        ("limit=1&limit=2", "REPEATED_PARAMETER", "limit"),
        ("taskType=a&taskType=b", "REPEATED_PARAMETER", "taskType"),
    ],
)
async def test_a_wrong_query_is_refused_with_its_field(calm: StoreHarness, query: str, code: str, field: str) -> None:
    answer = await calm.reader().get(f"{LIST}?{query}")
    assert answer.status_code == 400
    problem = answer.json()
    assert (problem["code"], problem["field"]) == (code, field)
    assert problem["error"]


@pytest.mark.parametrize(
    "query", ["taskType=%00", "reason_code=%00", "cursor=%00", "taskType=%ED%A0%80", "taskType=%FF"]
)
async def test_texts_that_no_database_keeps_are_refused(calm: StoreHarness, query: str) -> None:
    assert (await calm.reader().get(f"{LIST}?{query}")).status_code == 400


@pytest.mark.parametrize("time", ["0001-01-01T00:00:00Z", "9999-12-31T23:59:59.999999Z"])
async def test_the_ends_of_time_are_times(calm: StoreHarness, time: str) -> None:
    assert (await calm.reader().get(LIST, params={"since": time, "until": time})).json() == []


@pytest.mark.parametrize("evidence_id", ["999", "9223372036854775807"])
async def test_unknown_evidence_is_not_found(calm: StoreHarness, evidence_id: str) -> None:
    answer = await calm.reader().get(f"{LIST}/{evidence_id}")
    assert (answer.status_code, answer.json()["code"]) == (404, "EVIDENCE_NOT_FOUND")


async def test_another_tenants_evidence_is_as_unknown_as_any(calm: StoreHarness) -> None:
    ((foreign,),) = await calm.rows("SELECT id FROM evidence WHERE tenant_id = 43")
    reader = calm.reader()
    answers = [(await reader.get(f"{LIST}/{evidence_id}")).json() for evidence_id in (foreign, 999)]
    for answer in answers:
        del answer["request_id"]
    assert answers[0] == answers[1]


@pytest.mark.parametrize("evidence_id", ["0", "-1", "9223372036854775808", "007", "+1"])
async def test_an_id_that_is_none_is_not_found(calm: StoreHarness, evidence_id: str) -> None:
    assert (await calm.reader().get(f"{LIST}/{evidence_id}")).status_code == 404


async def test_without_a_token_nothing_is_returned(calm: StoreHarness) -> None:
    for path in (LIST, f"{LIST}/1", f"{LIST}/verification"):
        assert (await calm.client({}).get(path)).status_code == 401


async def test_a_tenant_outside_the_token_looks_nonexistent(calm: StoreHarness) -> None:
    reader = calm.reader()
    for path in ("", "/7", "/verification"):
        foreign = await reader.get(f"/tenants/43/onboarding/evidence{path}")
        unknown = await reader.get(f"/tenants/44/onboarding/evidence{path}")
        assert foreign.status_code == unknown.status_code == 404
        assert foreign.json()["code"] == unknown.json()["code"] == "TENANT_NOT_FOUND"


async def test_reading_needs_its_permission(calm: StoreHarness) -> None:
    reader = calm.reader(permissions=("onboarding.write", "onboarding.run"))
    for path in (LIST, f"{LIST}/1", f"{LIST}/verification"):
        answer = await reader.get(path)
        assert (answer.status_code, answer.json()["code"]) == (403, "PERMISSION_MISSING")


@pytest.mark.parametrize("method", ["POST", "PUT", "PATCH", "DELETE"])
async def test_evidence_cannot_be_written_over_http(calm: StoreHarness, method: str) -> None:
    for path in (LIST, f"{LIST}/1"):
        assert (await calm.reader().request(method, path)).status_code == 405


async def test_recorded_at_is_a_moment_in_utc(calm: StoreHarness) -> None:
    for item in (await calm.reader().get(LIST)).json():
        assert item["recorded_at"].endswith("Z")
        assert datetime.fromisoformat(item["recorded_at"]).utcoffset() == timedelta(0)


async def test_a_reader_of_another_tenant_is_no_reader_here(calm: StoreHarness) -> None:
    reader = calm.reader(tenants={42: ["onboarding.run"], 43: ["onboarding.read"]})
    assert (await reader.get(LIST)).json()["code"] == "PERMISSION_MISSING"
    assert (await reader.get(LIST.replace("42", "43"))).status_code == 200
    assert (await reader.get(LIST.replace("42", "44"))).json()["code"] == "TENANT_NOT_FOUND"
