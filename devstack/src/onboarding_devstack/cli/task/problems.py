"""The rules of `task check`: every problem of a package of tasks, each with a next step."""

from collections.abc import Collection, Iterable, Iterator, Sequence
from typing import NamedTuple

from onboarding_devstack.cli.task.literals import Outcome, outcomes_in
from onboarding_devstack.cli.task.package import Package, modules_of
from onboarding_shared.contracts.reason_codes import REASONS
from task_runner.tasks import DeclarationError, Task
from task_runner.tasks.declaration_errors import collected_problems
from task_runner.tasks.registry import GROUP, added_meanings, installed, tasks_of
from task_runner.tasks.result import MAX_MESSAGE, checked_reason

PAGE = "docs/how-to/add-a-task.md"


class Problem(NamedTuple):
    """What is wrong where, and what helps."""

    where: str
    problem: str
    next: str


class Checked(NamedTuple):
    """The tasks of a package, usable or not, and all its problems."""

    tasks: tuple[Task, ...]
    problems: tuple[Problem, ...]


def check_package(package: Package) -> Checked:
    """Import a package and check everything that can be known without a run."""
    if not package.points:
        example = f'[project.entry-points."{GROUP}"]'
        nothing = Problem(package.place, f"no entry point of the group {GROUP}", f"register its tasks below {example}")
        return Checked((), (nothing,))
    tasks, problems = _loaded(package)
    known = REASONS.keys() | {reason.code for task in tasks for reason in task.declaration.reasons}
    for path in modules_of(package):
        try:
            outcomes = outcomes_in(path)
        except (SyntaxError, UnicodeDecodeError) as error:
            problems.append(Problem(str(path), f"is not readable as Python: {error}", "correct the file"))
        else:
            problems += [problem for outcome in outcomes for problem in outcome_problems(outcome, known)]
    return Checked(tuple(tasks), tuple(problems))


def _loaded(package: Package) -> tuple[list[Task], list[Problem]]:
    tasks: list[Task] = []
    problems: list[Problem] = []
    with collected_problems() as declared:
        for point in package.points:
            try:
                tasks += tasks_of(point)
            except DeclarationError as error:
                problems.append(Problem(package.place, str(error), "correct the entry point, or what it imports"))
    problems += [Problem(task, problem, f"correct the declaration ({PAGE})") for task, problem in declared]
    others = installed().tasks
    foreign = {name: task for name, task in others.items() if task.declaration.distribution != package.name}
    found = (*_name_problems(tasks, foreign), *_reason_problems(tasks, foreign.values()), *_text_problems(tasks))
    return tasks, [*problems, *found]


def _name_problems(tasks: Sequence[Task], others: dict[str, Task]) -> Iterator[Problem]:
    names = [task.name for task in tasks]
    for name in sorted({name for name in names if names.count(name) > 1}):
        yield Problem(name, "is declared twice in this package", "rename one of the two")
    for name in sorted(set(names) & others.keys()):
        owner = others[name].declaration.distribution
        yield Problem(name, f"is declared by {owner} too", "rename it: a task type belongs to one package")
    for task in tasks:
        for field, source in task.declaration.inputs_from.items():
            if source not in names and source not in others:
                step = "correct the name, or install the package that has it"
                yield Problem(task.name, f"inputs_from takes {field!r} from {source!r}, which is not installed", step)


def _reason_problems(tasks: Iterable[Task], others: Iterable[Task]) -> Iterator[Problem]:
    known = added_meanings(others, {})
    for task in tasks:
        try:
            known |= added_meanings([task], known)
        except DeclarationError as error:
            yield Problem(task.name, str(error), "choose another code, or the same words")


def _text_problems(tasks: Sequence[Task]) -> Iterator[Problem]:
    for task in tasks:
        if not str(task.declaration.title).strip():
            yield Problem(task.name, "the title is empty", "say in one line what is true when the task passes")
        if not task.declaration.description:
            step = "write a docstring of the function: people read it in the wizard"
            yield Problem(task.name, "there is no description", step)


def outcome_problems(outcome: Outcome, known: Collection[str]) -> Iterator[Problem]:
    """The problems of one result, as far as its source tells; ``known`` are the reason codes that have a meaning."""
    if outcome.reason_code is not None:
        try:
            checked_reason(outcome.reason_code)
        except ValueError as error:
            yield Problem(outcome.place, str(error), "write it as AREA_WHAT: capital letters, digits and _")
        else:
            if outcome.reason_code not in known:
                step = "declare it: reasons=(Reason(code=…, meaning=…, remediation=…),) in @task"
                yield Problem(outcome.place, f"the reason code {outcome.reason_code} has no meaning", step)
    if outcome.call != "Result.ok" and outcome.message is not None and not outcome.message.strip():
        yield Problem(outcome.place, f"{outcome.call} has no message", "say in one sentence what was found")
    if outcome.message is not None and len(outcome.message) > MAX_MESSAGE:
        yield Problem(outcome.place, f"the message has more than {MAX_MESSAGE} characters", "put it in the payload")
    for name in outcome.reserved:
        yield Problem(outcome.place, f"the payload has a member {name!r}, which the product sets", "rename it")
