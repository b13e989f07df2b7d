"""Workers that run one small task of a test's own."""

from onboarding_shared.contracts.message import Message
from onboarding_shared.contracts.task_runner import RunFinished
from task_runner.tasks import Task, task
from tests.integration.task_runner.scene import Scene, start
from tests.support.waiting import eventually


def task_that(do: object, **declaration: object) -> Task:
    """A task named ``test.task`` around the coroutine function ``do(context)``."""
    options = {"step": 1, "title": "Test", "scope": "tenant", **declaration}
    return task("test.task", **options)(do)  # type: ignore[arg-type]


async def finished(scene: Scene, run_id: int = 1) -> RunFinished:
    """What was told at the end of the run."""
    said: list[Message] = []

    async def look() -> bool:
        said.extend(await scene.said())
        return any(isinstance(one, RunFinished) and one.run_id == run_id for one in said)

    await eventually(look)
    return next(one for one in said if isinstance(one, RunFinished) and one.run_id == run_id)


async def run_it(scene: Scene, declared: Task, **limits: float) -> RunFinished:
    scene.new_worker(declared, **limits).start()
    await scene.apply(start(1, "test.task"))
    return await finished(scene)


def summary(end: RunFinished) -> tuple[str, str, str, int]:
    return str(end.state), str(end.status), end.reason_code, end.attempt
