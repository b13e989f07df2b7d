"""The query by which KEDA scales task-runner, as a role that may read two columns."""

import asyncpg
import yaml

from tests.integration.task_runner.runner_harness import RunnerHarness, start
from tests.support.compose_file import ROOT
from tests.support.engines import Server

FILE = ROOT / "deploy/kubernetes/components/keda/task-runner.yaml"
(QUERY,) = [
    trigger["metadata"]["query"]
    for resource in yaml.safe_load_all(FILE.read_text(encoding="utf-8"))
    if resource["kind"] == "ScaledObject"
    for trigger in resource["spec"]["triggers"]
]
ROLE = "task_runner_scaling"


async def as_scaler(superuser_url: str) -> int:
    """What the query says to the role of KEDA, which has no other rights and is there for this question only."""
    connection = await asyncpg.connect(superuser_url, timeout=10)
    asking = connection.transaction()
    try:
        await asking.start()
        await connection.execute(f"CREATE ROLE {ROLE}")
        await connection.execute(f"GRANT SELECT (state, resume_at) ON executions TO {ROLE}")
        await connection.execute(f"SET LOCAL ROLE {ROLE}")
        return int(await connection.fetchval(QUERY))
    finally:
        await asking.rollback()
        await connection.close(timeout=5)


async def test_keda_counts_runs_that_are_due_or_in_progress(
    harness: RunnerHarness, postgres_server: Server, runner_url: str
) -> None:
    superuser_url = postgres_server.superuser_url(runner_url)
    assert await as_scaler(superuser_url) == 0

    await harness.apply(start(1, tenant_id=4), start(2, tenant_id=5), start(3, tenant_id=6), start(4, tenant_id=7))
    await harness.sql("UPDATE executions SET state = 'running', lease_expires_at = now() WHERE run_id = 1")
    await harness.sql("UPDATE executions SET resume_at = now() - interval '1 second' WHERE run_id IN (2, 3)")
    await harness.sql("UPDATE executions SET resume_at = now() + interval '1 hour', state = 'waiting' WHERE run_id = 4")

    assert await as_scaler(superuser_url) == 3
