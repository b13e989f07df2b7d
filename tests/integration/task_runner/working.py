"""Workers that run one small task of a test's own."""

from onboarding_shared.contracts.message import Message
from onboarding_shared.contracts.task_runner import RunFinished
from task_runner.tasks import Task, task
from tests.integration.task_runner.runner_harness import RunnerHarness, start
from tests.support.waiting import eventually


def task_that(do: object, **declaration: object) -> Task:
    """A task named ``test.task`` around the coroutine function ``do(context)``."""
    options = {"step": 1, "title": "Test", "scope": "tenant", **declaration}
    return task("test.task", **options)(do)  # type: ignore[arg-type]


async def finished(harness: RunnerHarness, run_id: int = 1) -> RunFinished:
    """The message about the end of a run; waits until it is written."""
    messages: list[Message] = []

    async def look() -> bool:
        messages.extend(await harness.new_messages())
        return any(isinstance(message, RunFinished) and message.run_id == run_id for message in messages)

    await eventually(look)
    return next(message for message in messages if isinstance(message, RunFinished) and message.run_id == run_id)


async def run_it(harness: RunnerHarness, declared: Task, **limits: float) -> RunFinished:
    harness.new_worker(declared, **limits).start()
    await harness.apply(start(1, "test.task"))
    return await finished(harness)


def summary(end: RunFinished) -> tuple[str, str, str, int]:
    return str(end.state), str(end.status), end.reason_code, end.attempt
