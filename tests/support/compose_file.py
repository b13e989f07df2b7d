"""docker-compose.yml as a value, with what `docker compose` puts in for ${…} when nothing is set."""

import re
from pathlib import Path
from typing import Any

import yaml

ROOT = Path(__file__).parents[2]
FILE = ROOT / "docker-compose.yml"
_VARIABLE = re.compile(r"(?<!\$)\$\{(\w+)(?::?-([^${}]*))?\}")
"""A variable whose default has no other one in it."""


def compose() -> dict[str, Any]:
    """The whole file; every variable has its default."""
    text = FILE.read_text(encoding="utf-8")
    while _VARIABLE.search(text):
        text = _VARIABLE.sub(lambda variable: variable[2] or "", text)
    return dict(yaml.safe_load(text.replace("$$", "$")))


def variables() -> set[str]:
    """The names of all variables that the file takes from the user's shell."""
    return set(re.findall(r"(?<!\$)\$\{(\w+)", FILE.read_text(encoding="utf-8")))


def environment(service: dict[str, Any]) -> dict[str, str]:
    """A container's environment; a variable that is empty counts as unset, and NAME_FILE as NAME."""
    given = service.get("environment", {})
    return {name.removesuffix("_FILE"): str(value) for name, value in given.items() if value not in (None, "")}


def started_by_default() -> dict[str, dict[str, Any]]:
    """Name → service, without those of profiles."""
    return {name: service for name, service in compose()["services"].items() if "profiles" not in service}


def one_shots() -> set[str]:
    """The services that end by themselves."""
    return {name for name, service in compose()["services"].items() if service.get("restart") == "no"}


def seconds(duration: str) -> int:
    """A duration such as `60s` or `2m`."""
    number, unit = re.fullmatch(r"(\d+)([sm])", duration).groups()  # type: ignore[union-attr]
    return int(number) * {"s": 1, "m": 60}[unit]
