"""Finds the package of a task author: a folder with `pyproject.toml`, or an installed distribution."""

import importlib.util
import sys
import tomllib
from importlib.metadata import Distribution, EntryPoint, PackageNotFoundError, distribution, packages_distributions
from pathlib import Path
from typing import Any, NamedTuple

from onboarding_devstack.cli.exits import CommandError, Exit, ours
from task_runner.tasks.registry import GROUP


class Package(NamedTuple):
    """The name of a distribution, its entry points of tasks, and where its declaration is."""

    name: str
    points: tuple[EntryPoint, ...]
    place: str


class SourceDistribution(Distribution):
    """A package that is not installed, as its `pyproject.toml` describes it."""

    def __init__(self, folder: Path, project: dict[str, Any]) -> None:
        self._folder = folder
        self._project = project

    def read_text(self, filename: str) -> str | None:
        if filename == "METADATA":
            return f"Name: {self._project.get('name', '')}\nVersion: {self._project.get('version', '0')}\n"
        if filename == "entry_points.txt":
            points = self._project.get("entry-points", {}).get(GROUP, {})
            return "\n".join([f"[{GROUP}]", *(f"{name} = {value}" for name, value in points.items())])
        return None

    def locate_file(self, path: Any) -> Path:
        return self._folder / path


def find_package(package: str) -> Package:
    """The package of a folder, a distribution or a module. Raises `CommandError`.

    The modules of a folder can be imported from now on.
    """
    folder = Path(package)
    if folder.is_dir():
        return _in_folder(folder.resolve())
    for name in (package, *packages_distributions().get(package, ())):
        try:
            found = distribution(name)
        except (PackageNotFoundError, ValueError):
            continue
        return Package(found.name, tuple(found.entry_points.select(group=GROUP)), found.name)
    raise CommandError(
        Exit.USAGE, f"{package} is neither a folder nor an installed distribution", ours("task check FOLDER")
    )


def modules_of(package: Package) -> list[Path]:
    """The Python files of the packages and modules in which its entry points are, relative to here if below."""
    paths: set[Path] = set()
    for name in {point.module.partition(".")[0] for point in package.points}:
        spec = importlib.util.find_spec(name)
        if spec is None:
            continue
        for folder in spec.submodule_search_locations or ():
            paths |= set(Path(folder).rglob("*.py"))
        if not spec.submodule_search_locations and spec.origin:
            paths.add(Path(spec.origin))
    here = Path.cwd()
    return sorted(path.relative_to(here) if path.is_relative_to(here) else path for path in paths)


def _in_folder(folder: Path) -> Package:
    described = folder / "pyproject.toml"
    try:
        project = tomllib.loads(described.read_text(encoding="utf-8")).get("project", {})
    except FileNotFoundError:
        raise CommandError(Exit.USAGE, f"{folder} has no pyproject.toml", ours("task new NAME")) from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise CommandError(Exit.FAILED, f"{described} cannot be read: {error}") from None
    sources = folder / "src"
    sys.path.insert(0, str(sources if sources.is_dir() else folder))
    found = SourceDistribution(folder, project)
    return Package(project.get("name") or folder.name, tuple(found.entry_points), str(described))
