"""Reads settings classes from the environment of the process.

Every field names its variable (``validation_alias``). Each variable may also be given as ``NAME_FILE``, the path of a
file with the value, as container platforms pass secrets. An empty variable counts as unset.
"""

import os
from collections.abc import Iterator, Mapping
from contextvars import ContextVar
from pathlib import Path
from typing import Any, TypeVar

from pydantic import ValidationError
from pydantic.fields import FieldInfo
from pydantic_core import ErrorDetails
from pydantic_settings import BaseSettings, PydanticBaseSettingsSource, SettingsConfigDict

from onboarding_shared.process.variables import unknown_variables


class SettingsError(Exception):
    """The environment is not a valid configuration. ``problems`` has one line per invalid variable."""

    def __init__(self, problems: list[str]) -> None:
        super().__init__("\n".join(problems))
        self.problems = tuple(problems)


_unreadable: ContextVar[dict[str, tuple[str, ...]] | None] = ContextVar("unreadable", default=None)
"""Problems of fields whose variable cannot be read, while ``load`` looks for those of the others."""


class EnvironmentSource(PydanticBaseSettingsSource):
    """Reads ``NAME``, or the file named by ``NAME_FILE``, for every field that names a variable."""

    def get_field_value(self, field: FieldInfo, field_name: str) -> tuple[Any, str, bool]:
        name = field.validation_alias
        return (read_variable(name) if isinstance(name, str) else None), field_name, False

    def __call__(self) -> dict[str, Any]:
        fields = self.settings_cls.model_fields
        values: dict[str, Any] = {}
        unreadable: dict[str, tuple[str, ...]] = {}
        for name, field in fields.items():
            try:
                values[name] = self.get_field_value(field, name)[0]
            except SettingsError as error:
                unreadable[name] = error.problems
        collected = _unreadable.get()
        if collected is not None:
            collected.update(unreadable)
        elif unreadable:
            raise SettingsError([problem for problems in unreadable.values() for problem in problems])
        return {name: value for name, value in values.items() if value is not None}


def read_variable(name: str) -> str | None:
    """The value of an environment variable or of the file named by ``NAME_FILE``; ``None`` if neither is set."""
    value = os.environ.get(name) or None
    path = os.environ.get(f"{name}_FILE") or None
    if path is None:
        return value
    if value is not None:
        raise SettingsError([f"{name} and {name}_FILE are both set: keep one of them"])
    try:
        return Path(path).read_text(encoding="utf-8").rstrip("\r\n") or None
    except (OSError, UnicodeDecodeError) as error:
        raise SettingsError([f"{name}_FILE: {path} cannot be read ({type(error).__name__})"]) from error


class Settings(BaseSettings):
    """Base of all settings classes: immutable; values given in code override the environment.

    A service composes the sections it needs and adds its own fields; ``load`` fills all of them.
    """

    model_config = SettingsConfigDict(frozen=True, extra="forbid", validate_by_name=True, validate_by_alias=True)

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        return init_settings, EnvironmentSource(settings_cls)


def separated(value: Any) -> Any:
    """Split a text at commas and drop empty parts; other values are returned unchanged."""
    return tuple(part.strip() for part in value.split(",") if part.strip()) if isinstance(value, str) else value


SettingsClass = TypeVar("SettingsClass", bound=Settings)


def load(settings_class: type[SettingsClass]) -> SettingsClass:
    """Read a settings class and all its sections from the environment.

    Raises ``SettingsError``, which names every missing or invalid variable.
    """
    values: dict[str, Any] = {}
    problems: list[str] = []
    failed: set[str] = set()
    for name, field in settings_class.model_fields.items():
        if isinstance(field.annotation, type) and issubclass(field.annotation, Settings):
            try:
                values[name] = load(field.annotation)
            except SettingsError as error:
                failed.add(name)
                problems.extend(error.problems)
    unreadable: dict[str, tuple[str, ...]] = {}
    collecting = _unreadable.set(unreadable)
    try:
        settings = settings_class(**values)
    except ValidationError as error:
        failed |= unreadable.keys() | {str(settings_class.model_fields[name].validation_alias) for name in unreadable}
        details = [detail for detail in error.errors(include_input=False) if not failed.intersection(detail["loc"])]
        problems.extend(_line(settings_class.model_fields, detail) for detail in details)
    else:
        if not problems and not unreadable:
            return settings
    finally:
        _unreadable.reset(collecting)
    raise SettingsError([*problems, *(problem for lines in unreadable.values() for problem in lines)])


def load_for(command_class: type[SettingsClass], service_class: type[Settings]) -> SettingsClass:
    """Read the settings of a command of a service, as ``load`` does.

    A variable that begins as a setting does, and is none of this service or of another, is a problem too.
    """
    problems: list[str] = []
    settings: SettingsClass | None = None
    try:
        settings = load(command_class)
    except SettingsError as error:
        problems += error.problems
    problems += unknown_variables(os.environ, list(variables_of(service_class)))
    if settings is None or problems:
        raise SettingsError(problems)
    return settings


def variables_of(settings_class: type[Settings]) -> Iterator[str]:
    """The names of the variables of a settings class and its sections."""
    for field in settings_class.model_fields.values():
        if isinstance(field.annotation, type) and issubclass(field.annotation, Settings):
            yield from variables_of(field.annotation)
        else:
            yield str(field.validation_alias)


def _line(fields: Mapping[str, FieldInfo], detail: ErrorDetails) -> str:
    place = str(detail["loc"][0]) if detail["loc"] else ""
    field = fields.get(place) or next((field for field in fields.values() if field.validation_alias == place), None)
    if field is None:
        return detail["msg"].removeprefix("Value error, ")
    variable = field.validation_alias or place
    if detail["type"] == "missing":
        return f"{variable} is not set" + (f": {field.description}" if field.description else "")
    return f"{variable}: {detail['msg'].removeprefix('Value error, ')}"
