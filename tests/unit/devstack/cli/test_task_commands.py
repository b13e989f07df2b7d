"""`task new` and `task check`: the package that is written, and the problems that are found."""

import json
import sys
from pathlib import Path
from typing import Any

import pytest

from onboarding_devstack.cli.app import run
from onboarding_devstack.cli.exits import Exit

PYPROJECT = """
[project]
name = "{name}"
version = "1.0"
[project.entry-points."onboarding.tasks"]
{points}
"""
TASKS = '''
from task_runner.tasks import CannotTell, Reason, Result, TaskContext, task
FOUND = "Things found"
REASON = Reason(code="DECLARED", meaning="A.", remediation="B.")

@task("Wrong name", step=9, title="", time_limit=0, reasons=[REASON, "GRAPH_FORBIDDEN"])
async def first(context: TaskContext) -> Result:
    return Result.fail("lower_case", "A sentence.", {"provenance": 1})
    return Result.ok("UNTOLD", "A sentence.")
    return Result.ok("DECLARED", "A sentence.")

@task("graph.connectivity", step=1, title="Taken", inputs_from={})
async def second(context: TaskContext) -> Result:
    """Reads nothing."""
    raise CannotTell(FOUND, "")
'''


@pytest.fixture(autouse=True)
def own_path(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "path", [*sys.path])


def written(folder: Path, module: str, text: str, **points: str) -> str:
    """The folder of a package with one module."""
    (folder / f"{module}.py").write_text(text)
    lines = "\n".join(f'{name} = "{value}"' for name, value in points.items())
    (folder / "pyproject.toml").write_text(PYPROJECT.format(name=module.replace("_", "-"), points=lines))
    return str(folder)


def problems_of(folder: str, capsys: pytest.CaptureFixture[str]) -> list[dict[str, Any]]:
    assert run(["task", "check", folder, "--json"]) == Exit.FAILED
    found: list[dict[str, Any]] = json.loads(capsys.readouterr().out)
    assert all(problem["next"] for problem in found)
    return found


def test_a_new_package_has_a_task_and_tests(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder = tmp_path / "made"
    assert run(["task", "new", "fabrikam-tasks", "--into", str(folder)]) == Exit.OK
    assert sorted(str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file()) == [
        "README.md",
        "pyproject.toml",
        "src/fabrikam_tasks/__init__.py",
        "src/fabrikam_tasks/domains.py",
        "tests/test_domains.py",
    ]
    assert '"fabrikam.domains",' in (folder / "src/fabrikam_tasks/domains.py").read_text()
    assert "uv pip install --no-deps --editable ." in capsys.readouterr().err


def test_a_new_package_has_no_problem(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["task", "new", "northwind", "--task", "north.wind", "--into", str(tmp_path)]) == Exit.OK
    assert run(["task", "check", str(tmp_path)]) == Exit.OK
    assert "northwind: 1 task, no problem" in capsys.readouterr().err


def test_a_folder_with_files_is_never_written_to(tmp_path: Path) -> None:
    (tmp_path / "mine").touch()
    assert run(["task", "new", "acme", "--into", str(tmp_path)]) == Exit.CONFLICT
    assert [path.name for path in tmp_path.iterdir()] == ["mine"]


@pytest.mark.parametrize("arguments", [["Acme"], ["acme/../x"], ["acme", "--task", "acme"], ["acme", "--task", "A.b"]])
def test_a_name_that_cannot_be_one_is_wrong_usage(arguments: list[str]) -> None:
    assert run(["task", "new", *arguments]) == Exit.USAGE


@pytest.mark.parametrize("arguments", [["json"], ["import"], ["sre-compile"], ["acme", "--task", "acme.class"]])
def test_a_module_that_python_cannot_import_is_wrong_usage(
    arguments: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    assert run(["task", "new", *arguments]) == Exit.USAGE


def test_a_task_of_the_product_is_not_written_again(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["task", "new", "acme", "--task", "license.inventory", "--into", str(tmp_path)]) == Exit.CONFLICT
    assert "--task" in capsys.readouterr().err


def test_every_problem_of_a_package_is_in_one_list(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder = written(
        tmp_path, "wrong_tasks", TASKS, first="wrong_tasks:first", second="wrong_tasks:second", third="wrong_tasks:none"
    )
    found = [f"{problem['where']} {problem['problem']}" for problem in problems_of(folder, capsys)]
    expected = (
        ("Wrong name", "name:"),
        ("Wrong name", "step:"),
        ("Wrong name", "time_limit"),
        ("Wrong name", "sequence of Reason, not of str"),
        ("Wrong name", "title is empty"),
        ("Wrong name", "no description"),
        ("graph.connectivity", "declared by onboarding-task-runner"),
        ("pyproject.toml", "'third'"),
        ("wrong_tasks.py:8", "'lower_case'"),
        ("wrong_tasks.py:8", "'provenance'"),
        ("wrong_tasks.py:15", "'Things found'"),
        ("wrong_tasks.py:9", "UNTOLD has no meaning"),
        ("wrong_tasks.py:15", "CannotTell has no message"),
    )
    assert [words for words in expected if not any(all(word in line for word in words) for line in found)] == []
    assert len(found) == len(expected)


def test_an_input_from_nowhere_is_a_problem(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    text = (
        "import msgspec\nfrom task_runner.tasks import task\n"
        "class Inputs(msgspec.Struct, frozen=True, forbid_unknown_fields=True):\n    days: int = 3\n"
        "@task('some.inputs', step=1, title='T', inputs=Inputs, inputs_from={'days': 'no.such'})\n"
        "async def check(context):\n    '''Reads.'''\n"
    )
    (problem,) = problems_of(written(tmp_path, "offered_tasks", text, one="offered_tasks:check"), capsys)
    assert "'no.such'" in problem["problem"]


def test_a_package_that_ends_the_process_is_a_problem(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder = written(tmp_path, "ending_tasks", "raise SystemExit(3)", one="ending_tasks:check")
    (problem,) = problems_of(folder, capsys)
    assert "cannot be loaded" in problem["problem"]


def test_a_package_without_entry_points_is_a_problem(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (problem,) = problems_of(written(tmp_path, "no_points", ""), capsys)
    assert "onboarding.tasks" in problem["problem"]


@pytest.mark.parametrize("package", ["no-such-distribution", "."])
def test_what_is_no_package_is_wrong_usage(package: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert run(["task", "check", package]) == Exit.USAGE


def test_the_tasks_of_the_product_have_no_problem(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["task", "check", "onboarding-task-runner"]) == Exit.OK
    assert capsys.readouterr().out == ""
