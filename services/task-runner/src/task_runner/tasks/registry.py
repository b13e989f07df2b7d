"""Discovers the tasks of all installed packages through the entry-point group ``onboarding.tasks``."""

from collections.abc import Collection, Iterable, Mapping
from importlib.metadata import EntryPoint, entry_points
from types import ModuleType
from typing import Any, NamedTuple

import msgspec

from onboarding_shared.contracts.task_runner import DeclaredReason, UnusableTasks
from onboarding_shared.contracts.types import Mode
from onboarding_shared.process.settings import SettingsError
from task_runner.domain.admission import InputsType
from task_runner.tasks.declaration import Task
from task_runner.tasks.declaration_errors import DeclarationError
from task_runner.tasks.payload import shown_text
from task_runner.tasks.result import MAX_MESSAGE
from task_runner.tasks.settings import read_settings

GROUP = "onboarding.tasks"
OWN_DISTRIBUTION = "onboarding-task-runner"
MAX_NAME = 200


class Installed(NamedTuple):
    """The usable tasks of all installed packages by name, sorted, and the problems of those that are not."""

    tasks: Mapping[str, Task]
    problems: tuple[UnusableTasks, ...]


class Meaning(NamedTuple):
    """A declared reason code, and the distribution to which it belongs."""

    distribution: str
    reason: DeclaredReason


def discover(points: Iterable[EntryPoint] | None = None) -> dict[str, Task]:
    """Return all installed tasks by name, sorted.

    An entry point refers to a ``Task``, an iterable of tasks, or a module with ``TASKS``. Raise ``DeclarationError`` if
    it cannot be loaded, if it refers to anything else, or if two entry points declare the same name.
    """
    found = installed(points)
    if found.problems:
        raise DeclarationError(found.problems[0].problem)
    return dict(found.tasks)


def installed(points: Iterable[EntryPoint] | None = None) -> Installed:
    """Return the same without an exception: an entry point with a problem takes none of the others down.

    If two declare the same name or reason code, that of task-runner itself counts, else that of the distribution whose
    name is first.
    """
    tasks: dict[str, Task] = {}
    meanings: dict[str, Meaning] = {}
    problems: list[UnusableTasks] = []
    for point in sorted(entry_points(group=GROUP) if points is None else points, key=_rank):
        try:
            declared = _declared(tasks_of(point), tasks)
            added = added_meanings(declared.values(), meanings)
        except DeclarationError as error:
            problems.append(_unusable(point.dist.name if point.dist else "", str(error)))
        else:
            tasks |= declared
            meanings |= added
    return Installed(dict(sorted(tasks.items())), tuple(problems))


def _declared(declared: Iterable[Task], others: Mapping[str, Task]) -> dict[str, Task]:
    tasks: dict[str, Task] = {}
    for task in declared:
        earlier = tasks.get(task.name) or others.get(task.name)
        if earlier is not None:
            raise DeclarationError(
                f"Task {task.name!r} is declared twice: by {earlier.declaration.distribution!r}"
                f" and by {task.declaration.distribution!r}. Uninstall one of them or rename its task."
            )
        tasks[task.name] = task
    return tasks


def added_meanings(tasks: Iterable[Task], known: Mapping[str, Meaning]) -> dict[str, Meaning]:
    """Return the reason codes of the tasks with their distribution.

    Raises ``DeclarationError`` for one that another distribution has declared, or this one with other words.
    """
    added: dict[str, Meaning] = {}
    for task in tasks:
        for reason in task.declaration.reasons:
            meaning = Meaning(task.declaration.distribution, reason)
            earlier = known.get(reason.code) or added.get(reason.code) or meaning
            if earlier != meaning:
                raise DeclarationError(
                    f"Task {task.name!r}: {earlier.distribution!r} has declared the reason code {reason.code} with"
                    f" another meaning. Choose another code; a code belongs to one package."
                )
            added[reason.code] = meaning
    return added


def _unusable(distribution: str, problem: str, *task_types: str) -> UnusableTasks:
    return UnusableTasks(
        distribution=shown_text(distribution, MAX_NAME), task_types=task_types, problem=shown_text(problem, MAX_MESSAGE)
    )


def _rank(point: EntryPoint) -> tuple[bool, str, str]:
    distribution = point.dist.name if point.dist else ""
    return distribution != OWN_DISTRIBUTION, distribution, point.name


def inputs_types(tasks: Mapping[str, Task]) -> dict[str, InputsType]:
    """The struct of the inputs of each task that declares one."""
    return {name: task.inputs for name, task in tasks.items() if task.inputs is not None}


def without(found: Installed, left_out: Collection[str]) -> Installed:
    """Return the tasks except ``left_out``.

    A name that is not installed is a misspelt setting, and raises ``DeclarationError``; but beside problems it may be a
    task of an entry point that cannot be used.
    """
    unknown = sorted(set(left_out) - found.tasks.keys())
    if unknown and not found.problems:
        raise DeclarationError(
            f"ONBOARDING_TASKS_LEFT_OUT names tasks that are not installed: {', '.join(unknown)}."
            f" Installed are {', '.join(found.tasks)}."
        )
    kept = {name: task for name, task in found.tasks.items() if name not in left_out}
    return found._replace(tasks=kept)


def configured(found: Installed) -> Installed:
    """Return the tasks with the settings of the operator. A task whose settings are missing or wrong is a problem."""
    tasks: dict[str, Task] = {}
    problems = list(found.problems)
    for name, task in found.tasks.items():
        try:
            settings = None if task.settings is None else read_settings(name, task.settings)
        except SettingsError as error:
            words = f"Task {name!r}: {'; '.join(error.problems)}"
            problems.append(_unusable(task.declaration.distribution, words, name))
        else:
            tasks[name] = task if settings is None else msgspec.structs.replace(task, configured=settings)
    return Installed(tasks, tuple(problems))


def with_required(tasks: Mapping[str, Task], prefix: str, required: bool) -> dict[str, Task]:
    """Return the tasks; the shared ones whose name begins with ``prefix`` gate their step only if ``required``."""
    return {
        name: _with_required(task, required) if name.startswith(prefix) and task.mode is Mode.SHARED else task
        for name, task in tasks.items()
    }


def _with_required(task: Task, required: bool) -> Task:
    declaration = msgspec.structs.replace(task.declaration, required=required)
    return msgspec.structs.replace(task, declaration=declaration)


def tasks_of(point: EntryPoint) -> list[Task]:
    """Return the tasks of an entry point, which name its distribution. Raises ``DeclarationError``."""
    distribution = point.dist.name if point.dist else ""
    version = point.dist.version if point.dist else ""
    origin = f"Entry point {point.name!r} of {distribution or 'an unnamed distribution'} ({point.value})"
    try:
        loaded = point.load()
    except (Exception, SystemExit) as error:
        raise DeclarationError(f"{origin} cannot be loaded: {error or type(error).__name__}") from error
    return [_named(item, distribution, version) for item in _tasks_in(loaded, origin)]


def _named(task: Task, distribution: str, version: str) -> Task:
    declaration = msgspec.structs.replace(
        task.declaration, distribution=distribution, version=task.declaration.version or version
    )
    return msgspec.structs.replace(task, declaration=declaration)


def _tasks_in(loaded: Any, origin: str) -> list[Task]:
    if isinstance(loaded, ModuleType):
        loaded = getattr(loaded, "TASKS", None)
    items = [loaded] if isinstance(loaded, Task) else loaded
    if not isinstance(items, Iterable):
        raise DeclarationError(f"{origin} is neither a task, nor an iterable of tasks, nor a module with TASKS")
    items = list(items)
    for item in items:
        if not isinstance(item, Task):
            raise DeclarationError(f"{origin} contains {item!r}, which is not a task: decorate it with @task")
    return items
