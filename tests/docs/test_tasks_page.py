"""docs/tasks.md shows the tasks as they are declared, and every reason code that a run can end with."""

from onboarding_shared.contracts.reason_codes import REASONS
from onboarding_shared.contracts.types import Mode
from task_runner.domain import reasons
from task_runner.tasks import discover
from tests.docs.tables import DOCS, first_words, rows, words

PAGE = DOCS / "tasks.md"
SECTIONS = (
    "Reason codes of the checks",
    "Reason codes of credentials and Microsoft Graph",
    "Reason codes of the runner and of the API",
)


def test_the_tasks_page_has_every_task_as_declared() -> None:
    own = {name: task for name, task in discover().items() if task.declaration.distribution == "onboarding-task-runner"}
    documented = {words(row[0])[0]: row[1:6] for row in rows(PAGE, "Tasks that come with the product")}

    assert documented == {
        name: [
            str(task.declaration.step),
            Mode(task.mode).value,
            "yes" if task.declaration.required else "no",
            f"{task.time_limit:g}",
            str(task.retry.attempts),
        ]
        for name, task in own.items()
    }


def test_the_tasks_page_has_the_catalogue_of_reason_codes() -> None:
    documented = [row for section in SECTIONS for row in rows(PAGE, section)]

    assert sorted(documented) == sorted(
        [
            f"`{one.code}`",
            "—" if one.status is None else one.status.value,
            "yes" if one.retryable else "no",
            one.meaning,
            one.remediation,
        ]
        for one in REASONS.values()
    )


def test_the_runners_reason_codes_are_in_its_own_section() -> None:
    given = {value for name, value in vars(reasons).items() if name.isupper()}

    assert given <= set(first_words(PAGE, "Reason codes of the runner and of the API"))
