"""The sealed records of given runs, for reports."""

from hashlib import sha256

import pytest

from tests.integration.evidence_store.store_harness import StoreHarness
from tests.support.evidence_chains import result

RECORDS = "/tenants/42/onboarding/evidence/records"


async def test_the_records_of_the_runs_are_sent_in_order(calm: StoreHarness) -> None:
    answer = await calm.reader().get(RECORDS, params={"run": [6, 2, 4, 7, 999]})

    assert [(item["operation_run_id"], item["position"]) for item in answer.json()] == [(2, 2), (4, 4), (6, 6)]


async def test_each_record_matches_its_seal(calm: StoreHarness) -> None:
    for item in (await calm.reader().get(RECORDS, params={"run": [1, 2, 3]})).json():
        computed = sha256(bytes.fromhex(item["previous_seal"]) + item["record"].encode()).hexdigest()
        assert computed == item["seal"]


async def test_an_edited_record_is_sent_as_it_is(store: StoreHarness) -> None:
    await store.consume(result(1))
    await store.tamper(r"UPDATE evidence SET record = '\xff00'")
    ((sent,),) = [(item["record"],) for item in (await store.reader().get(RECORDS, params={"run": 1})).json()]

    assert sent == "\ufffd\x00"


async def test_an_answer_ends_at_four_mebibytes(store: StoreHarness) -> None:
    large = {"text": "x" * (1 << 20)}
    await store.consume(*(result(number, payload=large) for number in range(1, 7)))
    answer = await store.reader().get(RECORDS, params={"run": [1, 2, 3, 4, 5, 6]})

    assert [item["operation_run_id"] for item in answer.json()] == [1, 2, 3, 4]


@pytest.mark.parametrize("query", ["", "run=0", "run=x", "run=9223372036854775808", "&".join(["run=1"] * 101)])
async def test_runs_are_one_to_a_hundred_ids(calm: StoreHarness, query: str) -> None:
    assert (await calm.reader().get(f"{RECORDS}?{query}")).status_code == 400


async def test_a_foreign_tenant_is_unknown_and_reading_needs_permission(calm: StoreHarness) -> None:
    assert (await calm.reader(tenants=[43]).get(RECORDS, params={"run": 1})).status_code == 404
    assert (await calm.reader(permissions=["onboarding.write"]).get(RECORDS, params={"run": 1})).status_code == 403
