"""The sealing of results as records."""

import hashlib
import json
from datetime import UTC, datetime, timedelta, timezone

from evidence_store.domain.chain import EMPTY, GENESIS, Head, extend, read_record
from onboarding_shared.contracts.types import CheckStatus, RunState
from tests.support.evidence_chains import NOW, TENANT, chain, chain_of, result


def test_the_first_record_is_sealed_onto_32_zero_bytes() -> None:
    (row,), head = chain_of(1)
    assert row.previous_seal == GENESIS == bytes(32)
    assert row.seal == hashlib.sha256(bytes(32) + row.record).digest()
    assert head == Head(1, row.seal)


def test_each_further_record_is_sealed_onto_the_one_before() -> None:
    (first, second, third), head = chain_of(3)
    assert (second.previous_seal, third.previous_seal) == (first.seal, second.seal)
    assert third.seal == hashlib.sha256(second.seal + third.record).digest()
    assert [first.position, second.position, third.position] == [1, 2, 3]
    assert head == Head(3, third.seal)


def test_a_record_has_every_field_of_contract_and_run() -> None:
    (row,), _ = chain([result(100)])
    assert json.loads(row.record) == {
        "format": 1,
        "id": 1001,
        "tenant_id": 42,
        "position": 1,
        "onboarding_session_id": 9,
        "provider_connection_id": 3,
        "task_type": "license.inventory",
        "status": "ok",
        "reason_code": "LICENSES_FOUND",
        "message": "Two subscriptions",
        "payload": {"skus": ["E3", "E5"]},
        "operation_run_id": 100,
        "run_state": "succeeded",
        "attempt": 1,
        "started_at": "2026-11-24T09:30:00.000000Z",
        "finished_at": "2026-11-24T09:30:00.000000Z",
        "recorded_at": "2026-11-24T09:30:00.000000Z",
    }


def test_the_bytes_of_a_record_ignore_the_payload_order() -> None:
    (row,), _ = chain([result(100, payload={"b": {"d": 1, "c": 2}, "a": 3})])
    (other,), _ = chain([result(100, payload={"a": 3, "b": {"c": 2, "d": 1}})])
    assert row.record == other.record


def test_known_bytes_have_the_seal_they_always_had() -> None:
    (row,), _ = chain([result(100)])
    assert row.record.startswith(
        b'{"attempt":1,"finished_at":"2026-11-24T09:30:00.000000Z","format":1,"id":1001,"message"'
    )
    assert row.seal.hex() == "a58be94dac47b6a79846db33197a66d71ed53dec352819009e915ffc9c73e674"


def test_times_are_sealed_in_utc() -> None:
    east = datetime(2026, 11, 24, 11, 0, tzinfo=timezone(timedelta(hours=2)))
    (row,), _ = chain([result(100, finished_at=east)])
    assert read_record(row.record)["finished_at"] == "2026-11-24T09:00:00.000000Z"


def test_a_run_without_a_start_is_recorded_with_its_state() -> None:
    gave_up = result(
        100, state=RunState.TIMED_OUT, status=CheckStatus.UNKNOWN, reason_code="TIME_LIMIT_EXCEEDED", started_at=None
    )
    (row,), _ = chain([gave_up])
    sealed = read_record(row.record)
    assert (sealed["run_state"], sealed["status"], sealed["started_at"]) == ("timed_out", "unknown", None)


def test_tenants_in_one_batch_grow_their_own_chains() -> None:
    heads = {TENANT: Head(7, b"\x07" * 32), 43: EMPTY}
    rows, moved = extend(heads, [result(1), result(2, tenant_id=43), result(3)], [11, 12, 13], NOW)
    assert [(row.tenant_id, row.position) for row in rows] == [(42, 8), (43, 1), (42, 9)]
    assert rows[0].previous_seal == b"\x07" * 32
    assert moved == {42: Head(9, rows[2].seal), 43: Head(1, rows[1].seal)}


def test_a_tenant_without_new_results_keeps_its_head() -> None:
    _, moved = extend({TENANT: EMPTY, 43: EMPTY}, [result(1)], [11], NOW.astimezone(UTC))
    assert set(moved) == {42}
