"""docs/tasks.md shows the tasks as they are declared, and every reason code that a run can end with."""

import re
from pathlib import Path

import task_runner
from onboarding_shared.contracts.types import Mode
from task_runner.domain import reasons
from task_runner.tasks import discover
from tests.docs.tables import DOCS, first_words, rows, words

PAGE = DOCS / "tasks.md"
SOURCES = Path(task_runner.__file__).parent
NO_REASONS = {"API_VERSION", "DATABASE_URL", "ONBOARDING_JWKS"}


def test_every_task_stands_there_as_it_is_declared() -> None:
    own = {name: task for name, task in discover().items() if task.declaration.distribution == "onboarding-task-runner"}
    told = {words(row[0])[0]: row[1:6] for row in rows(PAGE, "Tasks that come with the product")}

    assert told == {
        name: [
            str(task.declaration.step),
            Mode(task.mode).value,
            "yes" if task.declaration.required else "no",
            f"{task.time_limit:g}",
            str(task.retry.attempts),
        ]
        for name, task in own.items()
    }


def test_every_reason_code_of_tasks_and_providers_stands_there() -> None:
    text = "".join(
        file.read_text(encoding="utf-8")
        for folder in ("tasks", "providers")
        for file in (SOURCES / folder).glob("*.py")
    )
    given = set(re.findall(r'"([A-Z][A-Z0-9]*(?:_[A-Z0-9]+)+)"', text)) - NO_REASONS
    of_checks = set(first_words(PAGE, "Reason codes of the checks"))
    of_the_way = set(first_words(PAGE, "Reason codes of the way to Microsoft"))

    assert of_checks | of_the_way | {"PROVIDER_CONNECTION_MISSING"} == given
    assert not of_checks & of_the_way


def test_every_reason_code_of_the_runner_stands_there() -> None:
    given = {value for name, value in vars(reasons).items() if name.isupper()}

    assert set(first_words(PAGE, "Reason codes of the runner")) == given
