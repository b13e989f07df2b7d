"""`task new`: writes a package with a first task and its tests."""

import keyword
import re
import sys
from importlib.resources import files
from pathlib import Path
from string import Template
from typing import Annotated

from cyclopts import Parameter

from onboarding_devstack.cli.exits import CommandError, Exit, ours

_NAME = re.compile(r"[a-z][a-z0-9]*(-[a-z0-9]+)*")
_TASK = re.compile(r"[a-z][a-z0-9_]*\.[a-z][a-z0-9_]*")
LONGEST_NAME = 60
PLACES = {
    "pyproject": "pyproject.toml",
    "readme": "README.md",
    "package": "src/{module}/__init__.py",
    "task": "src/{module}/{what}.py",
    "test": "tests/test_{what}.py",
}
"""Each template, and where its text goes in the new folder."""


def new(
    name: Annotated[str, Parameter(help="Name of the distribution, such as acme-onboarding-tasks.")],
    *,
    task: Annotated[
        str | None, Parameter(help="The first task type, area.what. Default: domains in the area of the name.")
    ] = None,
    into: Annotated[Path | None, Parameter(help="The new folder. Default: the name, in the current folder.")] = None,
) -> Exit:
    """Write a package for tasks of your own: one task that reads, and tests that pass as they are."""
    from onboarding_devstack.cli.screen import err

    if not _NAME.fullmatch(name) or len(name) > LONGEST_NAME:
        raise CommandError(
            Exit.USAGE, f"the name must be lower case words with '-' between, at most {LONGEST_NAME}: not {name!r}"
        )
    task_type = task or f"{name.split('-')[0]}.domains"
    if not _TASK.fullmatch(task_type):
        raise CommandError(Exit.USAGE, f"--task must be area.what in lower case, such as acme.domains: not {task!r}")
    _check_importable(name, task_type)
    _check_free(task_type)
    folder = into or Path(name)
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise CommandError(Exit.CONFLICT, f"{folder} exists already", ours(f"task new {name} --into ANOTHER_FOLDER"))
    for path in _write(folder, _words(name, task_type)):
        print(path, flush=True)
    for line in (f"next: cd {folder}", "      uv pip install --no-deps --editable .", "      pytest"):
        err().print(line, markup=False)
    return Exit.OK


def _check_importable(name: str, task_type: str) -> None:
    """A module with the name of a keyword cannot be imported, and one of the standard library hides another."""
    what = task_type.split(".")[1]
    module = _module(name)
    for wanted in (module, what):
        if keyword.iskeyword(wanted):
            raise CommandError(Exit.USAGE, f"{wanted} is a keyword of Python, so no module can have that name")
    if module in sys.stdlib_module_names:
        raise CommandError(Exit.USAGE, f"{module} is a module of Python itself: choose another name")


def _module(name: str) -> str:
    return name.replace("-", "_")


def _check_free(task_type: str) -> None:
    """A task type of the product cannot be declared again."""
    from task_runner.tasks.registry import installed

    taken = installed().tasks.get(task_type)
    if taken is not None:
        raise CommandError(
            Exit.CONFLICT,
            f"{taken.declaration.distribution} has a task {task_type} already",
            "choose another one with --task",
        )


def _words(name: str, task_type: str) -> dict[str, str]:
    area, what = task_type.split(".")
    return {
        "distribution": name,
        "module": _module(name),
        "task": task_type,
        "what": what,
        "function": f"check_{what}",
        "code": f"{area}_{what}".upper()[:40],
    }


def _write(folder: Path, words: dict[str, str]) -> list[Path]:
    templates = files("onboarding_devstack.cli.task").joinpath("template")
    written = []
    for template, place in PLACES.items():
        text = templates.joinpath(f"{template}.template").read_text(encoding="utf-8")
        path = folder / place.format(**words)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(Template(text).substitute(words), encoding="utf-8")
        written.append(path)
    return written
