"""What is wrong with declarations of tasks: raised at once, or collected to be told together."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar


class DeclarationError(ValueError):
    """An invalid declaration. The text names the task and the correction."""


_collected: ContextVar[list[tuple[str, str]] | None] = ContextVar("collected", default=None)


@contextmanager
def collected_problems() -> Iterator[list[tuple[str, str]]]:
    """Collect the problems of all declarations that are made meanwhile, as (task, problem); none of them raises.

    A task with a problem must not be run.
    """
    problems: list[tuple[str, str]] = []
    token = _collected.set(problems)
    try:
        yield problems
    finally:
        _collected.reset(token)


def refuse(task: str, problems: Sequence[str]) -> None:
    """Raise ``DeclarationError`` with all problems of a task, or collect them."""
    collected = _collected.get()
    if collected is None:
        raise DeclarationError(f"Task {task!r}: {'; '.join(problems)}")
    collected.extend((task, problem) for problem in problems)
