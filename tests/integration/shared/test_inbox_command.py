"""The command ``inbox repair`` of each service, as an operator runs it."""

import os
import subprocess
import sys

import pytest

from onboarding_shared.contracts.topics import EVIDENCE, OPERATION_RUNS, TASK_COMMANDS, TASK_TYPES
from onboarding_shared.messaging.kafka import ensure_topics
from onboarding_shared.postgres.database import Database
from onboarding_shared.process.message_settings import KafkaSettings
from tests.support import engines

CONSUMED = {
    "session_api": (OPERATION_RUNS, TASK_TYPES),
    "task_runner": (TASK_COMMANDS, EVIDENCE),
    "evidence_store": (OPERATION_RUNS,),
}


def run(module: str, url: str, kafka: KafkaSettings, *arguments: str) -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, "DATABASE_URL": url, **engines.client_environment(kafka.bootstrap_servers)}
    command = [sys.executable, "-m", module, "inbox", *arguments]
    return subprocess.run(command, env=environment, capture_output=True, text=True, timeout=120, check=False)


@pytest.mark.parametrize("module", CONSUMED)
async def test_a_repair_prints_the_mark_of_each_consumed_topic(
    module: str, database: Database, database_url: str, own_kafka: KafkaSettings
) -> None:
    topics = CONSUMED[module]
    await ensure_topics(own_kafka, topics)
    done = run(module, database_url, own_kafka, "repair", "--tenant", "42")
    assert (done.returncode, done.stdout) == (0, "".join(f"{topic.name}: 0, in order\n" for topic in topics)), (
        done.stderr
    )


def test_a_repair_without_a_tenant_is_refused(database_url: str, own_kafka: KafkaSettings) -> None:
    done = run("session_api", database_url, own_kafka, "repair")
    assert done.returncode == 2
    assert "--tenant" in done.stderr


def test_a_repair_without_a_database_says_so_in_one_line(own_kafka: KafkaSettings) -> None:
    url = f"postgresql://nobody:nothing@127.0.0.1:{engines.free_port()}/nothing"
    done = run("session_api", url, own_kafka, "repair", "--tenant", "42")
    assert done.returncode == 1
    assert [line for line in done.stderr.splitlines() if line.startswith("session-api: the inbox was not repaired")]
    assert "Traceback" not in done.stderr
