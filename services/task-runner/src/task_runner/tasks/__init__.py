"""The API for task authors: ``from task_runner.tasks import task, TaskContext, Reason, Result, Wait``, …."""

from onboarding_shared.contracts.task_runner import DeclaredReason as Reason
from task_runner.tasks.context import Connection, TaskContext
from task_runner.tasks.declaration import Task, task
from task_runner.tasks.declaration_errors import DeclarationError
from task_runner.tasks.payload import PayloadError
from task_runner.tasks.registry import discover
from task_runner.tasks.result import CannotTell, Result, TaskFault, Wait
from task_runner.tasks.retry import Retry
from task_runner.tasks.settings import Secret

__all__ = [
    "CannotTell",
    "Connection",
    "DeclarationError",
    "PayloadError",
    "Reason",
    "Result",
    "Retry",
    "Secret",
    "Task",
    "TaskContext",
    "TaskFault",
    "Wait",
    "discover",
    "task",
]
