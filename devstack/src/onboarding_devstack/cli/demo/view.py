"""Output of the demo: plain lines, or on a terminal a live table of the wizard."""

import contextlib
import sys
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any, Protocol

from rich.console import Console, Group, RenderableType
from rich.live import Live
from rich.markup import escape
from rich.spinner import Spinner
from rich.table import Table

TERMINAL_STATES = ("succeeded", "failed", "cancelled", "timed_out")


@dataclass
class TaskView:
    """The displayed state of a task."""

    title: str
    state: str = "not started"
    progress: str = ""
    status: str = ""
    reason: str = ""
    message: str = ""


@dataclass
class StepView:
    """The displayed state of a wizard step."""

    title: str
    tasks: dict[str, TaskView] = field(default_factory=dict)
    state: str = "locked"
    """`locked`, `current` or `done`."""


class DemoView(Protocol):
    """Output of the progress of a demo."""

    def show(self, text: str) -> None:
        """Print a message."""

    def enter(self, step: int) -> None:
        """Make a step the current one; all before it are done."""

    def show_run(self, step: int, task_type: str, run: dict[str, Any]) -> None:
        """Show a run as the API returns it."""


class PlainView:
    """Prints a line for each change."""

    def __init__(self, console: Console, steps: dict[int, StepView]) -> None:
        self._console = console
        self._steps = steps
        self._shown: dict[str, str] = {}

    def show(self, text: str) -> None:
        self._console.print(f"  {text}", markup=False)

    def enter(self, step: int) -> None:
        for number, view in self._steps.items():
            view.state = "done" if number < step else "current" if number == step else "locked"
        if step in self._steps:
            self._console.print(f"\nStep {step} of {len(self._steps)}: {self._steps[step].title}", markup=False)

    def show_run(self, step: int, task_type: str, run: dict[str, Any]) -> None:
        view = viewed(self._steps[step].tasks[task_type], run)
        words = " ".join(filter(None, [view.status or view.state, view.reason, view.progress, view.message]))
        line = f"  {task_type:<26} run {run['id']}  {words}"
        if self._shown.get(task_type) != line:
            self._shown[task_type] = line
            self._console.print(line, markup=False)


class LiveView:
    """Shows the wizard as a live table, with the messages above it."""

    def __init__(self, console: Console, steps: dict[int, StepView]) -> None:
        self._steps = steps
        self._spinners: dict[str, Spinner] = {}
        self.live = Live(console=console, refresh_per_second=10, get_renderable=self._render, transient=True)

    def show(self, text: str) -> None:
        self.live.console.print(f"  {escape(text)}")

    def enter(self, step: int) -> None:
        for number, view in self._steps.items():
            view.state = "done" if number < step else "current" if number == step else "locked"
        if step in self._steps:
            self.live.console.print(f"[bold]Step {step}[/bold]  {escape(self._steps[step].title)}")

    def show_run(self, step: int, task_type: str, run: dict[str, Any]) -> None:
        view = viewed(self._steps[step].tasks[task_type], run)
        if view.status:
            style = view.status
            words = escape(" ".join(filter(None, [view.reason, view.message])))
            self.live.console.print(f"  [{style}]{view.status:<7}[/] {task_type}  [quiet]{words}[/]")

    def _render(self) -> RenderableType:
        table = Table.grid(padding=(0, 1))
        for number, step in self._steps.items():
            mark = {"done": "[good]✔[/]", "current": "[bold]▶[/]", "locked": "[quiet]·[/]"}[step.state]
            style = "quiet" if step.state == "locked" else "bold" if step.state == "current" else ""
            table.add_row(
                mark, f"[{style}]{number}. {escape(step.title)}[/]" if style else f"{number}. {step.title}", ""
            )
            if step.state == "locked":
                continue
            for name, task in step.tasks.items():
                if task.state != "not started":
                    table.add_row("", f"   {name}", self._state_of(name, task))
        return Group("", table)

    def _state_of(self, name: str, task: TaskView) -> RenderableType:
        if task.status:
            return f"[{task.status}]{task.status}[/] [quiet]{escape(task.reason)}[/]"
        spinner = self._spinners.setdefault(name, Spinner("dots"))
        spinner.update(text=f"{task.state} {task.progress}")
        return spinner


def viewed(view: TaskView, run: dict[str, Any]) -> TaskView:
    """Update the displayed state of a task from its run."""
    result = run.get("result") or {}
    progress = run.get("progress") or {}
    view.state = str(run["state"])
    ended = view.state in TERMINAL_STATES
    view.status = str(result.get("status") or ("" if not ended else view.state))
    view.reason = str(result.get("reason_code") or "")
    view.message = str(result.get("message") or "")
    view.progress = "" if ended or not progress else _progress(progress)
    return view


def _progress(progress: dict[str, Any]) -> str:
    total = progress.get("total")
    counted = f"{progress.get('done', 0)} of {total}" if total else str(progress.get("done", 0))
    return f"({counted}: {progress['message']})" if progress.get("message") else f"({counted})"


@contextlib.contextmanager
def view_for(console: Console, steps: dict[int, StepView]) -> Iterator[DemoView]:
    """Choose the view for the console: a live table on a terminal, else plain lines."""
    if not (console.is_terminal and sys.stderr.isatty()) or console.is_dumb_terminal:
        yield PlainView(console, steps)
        return
    view = LiveView(console, steps)
    with view.live:
        yield view
