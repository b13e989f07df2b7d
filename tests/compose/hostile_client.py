"""Sends hostile records to every partition of a topic, run in a container that has the one module of tests it needs.

Arguments: user, password, topic, number of partitions. Prints the number of records that Kafka took of each kind.
"""

import asyncio
import json
import sys

from onboarding_shared.process.message_settings import KafkaSettings
from tests.support.hostile import GZIP, batch, produce, record

OUTSIDE_THE_WINDOW = str(2**62)


def forged(sequence: str) -> bytes:
    """A result that says ok, without the code of its run."""
    value = json.dumps({"type": "RunFinished", "tenant_id": 1001, "run_id": 1, "state": "succeeded"}).encode()
    headers: list[tuple[bytes, bytes | None]] = [
        (b"ce_specversion", b"1.0"),
        (b"ce_id", b"forged"),
        (b"ce_source", b"/onboarding/task-runner"),
        (b"ce_type", b"org.onboarding.RunFinished.v1"),
        (b"ce_sequence", sequence.encode()),
    ]
    return batch([record(value, key=b"1001", headers=headers)])


KINDS = {
    "header name": batch([record(b"x", headers=[(b"\xff\xfe", b"x")])]),
    "many headers": batch([record(b"x", headers=[(b"a", b"")] * 50_000)]),
    "gzip bomb": batch([record(bytes(100_000_000))], attributes=GZIP),
    "no CloudEvent": batch([record(b"\x00")]),
    "forged": forged("1"),
    "sequence outside the window": forged(OUTSIDE_THE_WINDOW),
}


async def main() -> None:
    user, password, topic, partitions = sys.argv[1:]
    kafka = KafkaSettings(
        bootstrap_servers="kafka:9092",
        security_protocol="SASL_PLAINTEXT",
        sasl_mechanism="SCRAM-SHA-512",
        sasl_username=user,
        sasl_password=password,
    )
    taken = dict.fromkeys(KINDS, 0)
    for partition in range(int(partitions)):
        codes = await produce(kafka, topic, partition, list(KINDS.values()))
        for kind, code in zip(KINDS, codes, strict=True):
            taken[kind] += code == 0
    print(json.dumps(taken))


asyncio.run(main())
