"""The list of Apache Kafka's jars."""

import re

from onboarding_devstack.engines import kafka_jars
from onboarding_devstack.engines.kafka_jars import pinned


def test_every_pinned_jar_has_a_complete_checksum_and_unique_path() -> None:
    jars = pinned()
    assert all(re.fullmatch(r"[0-9a-f]{64}", jar.sha256) and jar.path.endswith(".jar") for jar in jars)
    assert len({jar.name for jar in jars}) == len(jars)
    assert f"kafka_2.13-{kafka_jars.VERSION}.jar" in {jar.name for jar in jars}
