"""Finds the tasks of every installed package, by the entry-point group ``onboarding.tasks``."""

from collections.abc import Collection, Iterable, Iterator, Mapping
from importlib.metadata import EntryPoint, entry_points
from types import ModuleType
from typing import Any

import msgspec

from task_runner.domain.admission import InputsType
from task_runner.tasks.declaration import DeclarationError, Task

GROUP = "onboarding.tasks"


def discover(points: Iterable[EntryPoint] | None = None) -> dict[str, Task]:
    """Every installed task by name, sorted.

    An entry point names a ``Task``, an iterable of them, or a module with ``TASKS``. Raises ``DeclarationError`` when
    one cannot be loaded, is something else, or when two distributions declare the same name.
    """
    tasks: dict[str, Task] = {}
    for point in entry_points(group=GROUP) if points is None else points:
        for declared in _load(point):
            earlier = tasks.get(declared.name)
            if earlier is not None:
                raise DeclarationError(
                    f"Task {declared.name!r} is declared twice: by {earlier.declaration.distribution!r}"
                    f" and by {declared.declaration.distribution!r}. Uninstall one of them or rename its task."
                )
            tasks[declared.name] = declared
    return dict(sorted(tasks.items()))


def inputs_types(tasks: Mapping[str, Task]) -> dict[str, InputsType]:
    """The struct of the inputs of each task that declares one."""
    return {name: task.inputs for name, task in tasks.items() if task.inputs is not None}


def without(tasks: Mapping[str, Task], left_out: Collection[str]) -> dict[str, Task]:
    """The tasks but those. Raises ``DeclarationError`` when one of those is not installed: it may be misspelt."""
    unknown = sorted(set(left_out) - tasks.keys())
    if unknown:
        raise DeclarationError(
            f"ONBOARDING_TASKS_LEFT_OUT names tasks that are not installed: {', '.join(unknown)}."
            f" Installed are {', '.join(tasks)}."
        )
    return {name: task for name, task in tasks.items() if name not in left_out}


def _load(point: EntryPoint) -> Iterator[Task]:
    distribution = point.dist.name if point.dist else ""
    version = point.dist.version if point.dist else ""
    where = f"Entry point {point.name!r} of {distribution or 'an unnamed distribution'} ({point.value})"
    try:
        loaded = point.load()
    except Exception as error:
        raise DeclarationError(f"{where} cannot be loaded: {error}") from error
    for item in _tasks_in(loaded, where):
        declaration = msgspec.structs.replace(
            item.declaration, distribution=distribution, version=item.declaration.version or version
        )
        yield msgspec.structs.replace(item, declaration=declaration)


def _tasks_in(loaded: Any, where: str) -> list[Task]:
    if isinstance(loaded, ModuleType):
        loaded = getattr(loaded, "TASKS", None)
    items = [loaded] if isinstance(loaded, Task) else loaded
    if not isinstance(items, Iterable):
        raise DeclarationError(f"{where} is neither a task, nor an iterable of tasks, nor a module with TASKS")
    items = list(items)
    for item in items:
        if not isinstance(item, Task):
            raise DeclarationError(f"{where} contains {item!r}, which is not a task: decorate it with @task")
    return items
