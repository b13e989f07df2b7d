"""A superuser changes the stored chain behind the triggers; the verification names what was done."""

import hashlib
from typing import Any

import pytest

from tests.integration.evidence_store.store_harness import StoreHarness
from tests.support.evidence_chains import result

VERIFY = "/tenants/42/onboarding/evidence/verification"


@pytest.fixture
async def kept(store: StoreHarness) -> StoreHarness:
    """Five records of tenant 42 and one of tenant 43."""
    await store.consume(*(result(number) for number in range(1, 6)), result(6, tenant_id=43))
    return store


async def verification(store: StoreHarness, **anchor: Any) -> dict[str, Any]:
    answer = await store.reader().get(VERIFY, params=anchor)
    assert answer.status_code == 200
    return answer.json()


async def broken(store: StoreHarness, **anchor: Any) -> tuple[int, int | None, str]:
    answer = await verification(store, **anchor)
    assert answer["verified"] is False
    finding = answer["break"]
    assert finding["detail"]
    return finding["position"], finding["evidence_id"], finding["kind"]


async def seals(store: StoreHarness) -> list[str]:
    return [
        seal.hex() for (seal,) in await store.rows("SELECT seal FROM evidence WHERE tenant_id = 42 ORDER BY position")
    ]


async def test_an_untouched_chain_is_verified(kept: StoreHarness) -> None:
    stored = await seals(kept)
    assert await verification(kept) == {"verified": True, "length": 5, "head": stored[-1], "break": None}


async def test_a_tenant_without_evidence_has_a_whole_empty_chain(store: StoreHarness) -> None:
    assert await verification(store) == {"verified": True, "length": 0, "head": "00" * 32, "break": None}


@pytest.mark.parametrize(
    ("statement", "place", "kind"),
    [
        ("UPDATE evidence SET record = convert_to(replace(convert_from(record, 'UTF8'), '\"ok\"', '\"warn\"'), 'UTF8')"
         " WHERE tenant_id = 42 AND position = 3", (3, 3), "record_edited"),
        ("UPDATE evidence SET seal = sha256('x') WHERE tenant_id = 42 AND position = 3", (3, 3), "record_edited"),
        ("UPDATE evidence SET previous_seal = sha256('x') WHERE tenant_id = 42 AND position = 3",
         (3, 3), "record_edited"),
        ("UPDATE evidence SET previous_seal = sha256('x'), seal = sha256(sha256('x') || record)"
         " WHERE tenant_id = 42 AND position = 3", (3, 3), "link_broken"),
        ("UPDATE evidence SET status = 'fail' WHERE tenant_id = 42 AND position = 3", (3, 3), "column_differs"),
        ("UPDATE evidence SET run_id = 99 WHERE tenant_id = 42 AND position = 3", (3, 3), "column_differs"),
        ("UPDATE evidence SET recorded_at = recorded_at - interval '1 day' WHERE tenant_id = 42 AND position = 3",
         (3, 3), "column_differs"),
        ("UPDATE evidence SET id = 77 WHERE tenant_id = 42 AND position = 3", (3, 77), "column_differs"),
        ("DELETE FROM evidence WHERE tenant_id = 42 AND position = 1", (1, None), "position_missing"),
        ("DELETE FROM evidence WHERE tenant_id = 42 AND position = 3", (3, None), "position_missing"),
        ("DELETE FROM evidence WHERE tenant_id = 42 AND position IN (4, 5)", (4, None), "tail_cut"),
        ("DELETE FROM evidence WHERE tenant_id = 42", (1, None), "tail_cut"),
        ("UPDATE evidence SET tenant_id = 43, position = 2 WHERE tenant_id = 42 AND position = 5",
         (5, None), "tail_cut"),
        ("UPDATE evidence_heads SET length = 4 WHERE tenant_id = 42", (5, None), "beyond_head"),
        ("UPDATE evidence_heads SET length = 9 WHERE tenant_id = 42", (6, None), "tail_cut"),
        ("UPDATE evidence_heads SET seal = sha256('x') WHERE tenant_id = 42", (5, None), "head_differs"),
        ("DELETE FROM evidence_heads WHERE tenant_id = 42", (5, None), "head_missing"),
    ],
)  # fmt: skip
async def test_tampering_is_named(kept: StoreHarness, statement: str, place: tuple[int, int | None], kind: str) -> None:
    await kept.tamper(statement)
    assert await broken(kept) == (*place, kind)


async def test_records_that_changed_places_are_named(kept: StoreHarness) -> None:
    await kept.tamper(
        "UPDATE evidence SET position = 99 WHERE tenant_id = 42 AND position = 2",
        "UPDATE evidence SET position = 2 WHERE tenant_id = 42 AND position = 4",
        "UPDATE evidence SET position = 4 WHERE tenant_id = 42 AND position = 99",
    )
    assert await broken(kept) == (2, 4, "reordered")


async def test_a_record_moved_to_another_tenants_chain_is_named_there(kept: StoreHarness) -> None:
    await kept.tamper(
        "DELETE FROM evidence WHERE tenant_id = 43",
        "UPDATE evidence SET tenant_id = 43 WHERE tenant_id = 42 AND position = 1",
        "UPDATE evidence_heads SET seal = (SELECT seal FROM evidence WHERE tenant_id = 43) WHERE tenant_id = 43",
    )
    answer = await kept.reader(tenants=(43,)).get("/tenants/43/onboarding/evidence/verification")
    assert answer.json()["break"]["kind"] == "column_differs"


async def test_tampering_with_triggers_disabled_by_alter_table_is_named(kept: StoreHarness) -> None:
    await kept.rows("ALTER TABLE evidence DISABLE TRIGGER ALL")
    await kept.rows("UPDATE evidence SET reason_code = 'FINE' WHERE position = 2")
    assert await broken(kept) == (2, 2, "column_differs")


async def test_a_tail_cut_with_its_head_reset_is_found_by_an_earlier_event(kept: StoreHarness) -> None:
    last = (await kept.outbox_messages())[4]
    await kept.tamper(
        "DELETE FROM evidence WHERE tenant_id = 42 AND position > 3",
        "UPDATE evidence_heads SET length = 3, seal = (SELECT seal FROM evidence WHERE tenant_id = 42 AND position = 3)"
        " WHERE tenant_id = 42",
    )
    assert (await verification(kept))["verified"] is True
    anchor = {"expected_length": last.position, "expected_head": last.seal}
    assert await broken(kept, **anchor) == (4, None, "tail_cut")


async def test_a_chain_sealed_anew_is_found_by_an_earlier_event(kept: StoreHarness) -> None:
    third = (await kept.outbox_messages())[2]
    rows = await kept.rows("SELECT position, record FROM evidence WHERE tenant_id = 42 ORDER BY position")
    seal, statements = bytes(32), []
    for position, record in rows:
        forged = record.replace(b'"ok"', b'"warn"')
        previous, seal = seal, hashlib.sha256(seal + forged).digest()
        statements.append(
            f"UPDATE evidence SET record = '\\x{forged.hex()}', previous_seal = '\\x{previous.hex()}',"
            f" seal = '\\x{seal.hex()}', status = 'warn' WHERE tenant_id = 42 AND position = {position}"
        )
    await kept.tamper(*statements, f"UPDATE evidence_heads SET seal = '\\x{seal.hex()}' WHERE tenant_id = 42")
    assert (await verification(kept))["verified"] is True
    anchor = {"expected_length": third.position, "expected_head": third.seal}
    assert await broken(kept, **anchor) == (3, None, "anchor_differs")


async def test_every_earlier_event_fits_an_untouched_chain(kept: StoreHarness) -> None:
    for recorded in (await kept.outbox_messages())[:5]:
        answer = await verification(kept, expected_length=recorded.position, expected_head=recorded.seal)
        assert answer["verified"] is True


async def test_an_edited_column_does_not_change_what_readers_get(kept: StoreHarness) -> None:
    await kept.tamper(
        "UPDATE evidence SET status = 'fail', reason_code = 'FORGED' WHERE tenant_id = 42 AND position = 3"
    )
    ((evidence_id,),) = await kept.rows("SELECT id FROM evidence WHERE tenant_id = 42 AND position = 3")
    answer = (await kept.reader().get(f"/tenants/42/onboarding/evidence/{evidence_id}")).json()
    assert (answer["status"], answer["reason_code"]) == ("ok", "LICENSES_FOUND")


async def test_a_chain_of_several_pages_is_read_completely(store: StoreHarness) -> None:
    await store.consume(*(result(number) for number in range(1, 1203)))
    assert (await verification(store))["length"] == 1202
    await store.tamper("UPDATE evidence SET status = 'fail' WHERE position = 1201")
    assert await broken(store) == (1201, 1201, "column_differs")


async def test_a_chain_of_large_records_is_read_in_small_pages(store: StoreHarness) -> None:
    payload = {"text": "x" * 250_000}
    for start in (1, 21):
        await store.consume(*(result(number, payload=payload) for number in range(start, start + 20)))
    assert (await verification(store))["length"] == 40


@pytest.mark.parametrize(
    ("anchor", "code", "field"),
    [
        ({"expected_length": 1}, "ANCHOR_INCOMPLETE", "expected_head"),
        ({"expected_head": "00" * 32}, "ANCHOR_INCOMPLETE", "expected_length"),
        ({"expected_length": -1, "expected_head": "00" * 32}, "INVALID_PARAMETER", "expected_length"),
        ({"expected_length": 2**63, "expected_head": "00" * 32}, "INVALID_PARAMETER", "expected_length"),
        ({"expected_length": "null", "expected_head": "00" * 32}, "ANCHOR_INCOMPLETE", "expected_length"),
        ({"expected_length": 1, "expected_head": "00"}, "INVALID_PARAMETER", "expected_head"),
        ({"expected_length": 1, "expected_head": "AB" * 32}, "INVALID_PARAMETER", "expected_head"),
        ({"length": 1}, "UNKNOWN_PARAMETER", "length"),
    ],
)
async def test_a_wrong_anchor_is_refused(calm: StoreHarness, anchor: dict[str, Any], code: str, field: str) -> None:
    answer = await calm.reader().get(VERIFY, params=anchor)
    assert answer.status_code == 400
    assert (answer.json()["code"], answer.json()["field"]) == (code, field)
