"""40 secrets in every output of a task: none is in a message, a row or a log line."""

import asyncio
import json
import sys
from pathlib import Path

import pytest

from onboarding_shared.contracts.message import Message
from onboarding_shared.contracts.task_runner import RunFinished, RunProgressed
from tests.integration.task_runner.leaky import CANARIES, HARMLESS, TASKS
from tests.integration.task_runner.runner_harness import RunnerHarness, start
from tests.support.waiting import eventually

ENDS = {1: "succeeded", 2: "succeeded", 3: "failed", 4: "waiting", 5: "failed"}
ROWS = "SELECT CAST(e AS text) AS row FROM executions e UNION ALL SELECT convert_from(data, 'UTF8') FROM outbox"


async def leak(harness: RunnerHarness, url: str, log: Path) -> None:
    """Run every task that leaks to its end, in a process whose log goes to that file."""
    harness.tasks |= TASKS
    await harness.apply(*(start(run, name, tenant_id=run) for run, name in enumerate(TASKS, start=1)))
    with log.open("wb") as stream:
        child = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "tests.integration.task_runner.leaky", url, stdout=stream
        )
        try:
            for run, state in ENDS.items():
                await eventually(lambda run=run: harness.state(run), equals=state, seconds=30)
        finally:
            child.kill()
            await child.wait()


def seen(text: str) -> list[str]:
    return [canary for canary in CANARIES if canary in text]


@pytest.fixture
async def leaked(harness: RunnerHarness, runner_url: str, tmp_path: Path) -> tuple[list[str], list[Message], str]:
    """The rows of executions and outbox as text, the messages, and the log."""
    log = tmp_path / "log"
    await leak(harness, runner_url, log)
    rows = [row.row for row in await harness.sql(ROWS)]
    return rows, await harness.new_messages(), log.read_text()


async def test_no_secret_of_a_task_leaves_the_process(leaked: tuple[list[str], list[Message], str]) -> None:
    rows, messages, log = leaked
    ends = {message.run_id: message for message in messages if isinstance(message, RunFinished)}

    assert len(CANARIES) == 40
    assert {name: seen(text) for name, text in {"rows": "".join(rows), "log": log}.items()} == {"rows": [], "log": []}
    assert [end.reason_code for _, end in sorted(ends.items())] == ["LEAKED", "LEAKED", "LEAKED", "TASK_CRASHED"]
    assert any(isinstance(message, RunProgressed) and message.progress for message in messages), "progress was reported"
    lines = [json.loads(line) for line in log.splitlines()]
    assert any("ValueError" in line.get("exception", "") for line in lines), "the crash was logged with its text"
    assert sum(line["event"].startswith("found") for line in lines) == 21
    for run in (1, 2, 3):
        assert {name: ends[run].payload[name] for name in HARMLESS} == HARMLESS
        assert len(ends[run].payload["texts"]) == 20
