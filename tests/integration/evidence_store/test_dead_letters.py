"""Operators replay the dead letters of evidence-store over HTTP."""

import hashlib

import msgspec

from onboarding_shared.contracts.cloudevents import encode_headers
from tests.integration.evidence_store.store_harness import StoreHarness
from tests.support.evidence_chains import result

INSERT = """
INSERT INTO dead_letters
    (source_topic, partition, record_offset, fingerprint, reason_code, detail, key, value, headers)
VALUES (:topic, 3, 512, :fingerprint, 'MAC_INVALID', '', '42', :value, CAST(:headers AS jsonb))
"""


async def test_a_replayed_result_becomes_evidence(store: StoreHarness) -> None:
    message = result(17)
    value = msgspec.json.encode(message)
    headers = encode_headers(
        message_id="m1", source=message.topic.source, event_type=message.event_type(), time=message.finished_at,
        subject=message.subject, tenant_id=42, sequence=1, traceparent=None,
    )  # fmt: skip
    await store.rows(
        INSERT,
        topic=message.topic.name,
        fingerprint=hashlib.sha256(b"42\x00" + value).digest(),
        value=value,
        headers=msgspec.json.encode(headers).decode(),
    )
    operator = store.reader(tenants=[], permissions=["onboarding.platform"], user=9)

    answer = await operator.post("/onboarding/dead-letters/1/replay")

    assert answer.json()["outcome"] == "applied"
    assert await store.rows("SELECT run_id, tenant_id FROM evidence") == [(17, 42)]
    sent = await store.rows("SELECT event_type FROM outbox ORDER BY id")
    assert [event_type for (event_type,) in sent] == [
        "org.onboarding.EvidenceRecorded.v1",
        "org.onboarding.EvidenceStoreDeadLetterReplayed.v1",
    ]
