"""Settings and secrets of a task package: declared as a struct, given by the operator as variables.

The field ``api_token`` of a task ``helpdesk.ticket`` is the variable ``ONBOARDING_TASK_HELPDESK_API_TOKEN``, or the
content of the file that ``ONBOARDING_TASK_HELPDESK_API_TOKEN_FILE`` names. Tasks of one area share their variables.
"""

from collections.abc import Iterable, Iterator, Mapping
from typing import Any, NoReturn

import msgspec
from msgspec import inspect

from onboarding_shared.process.settings import SettingsError, read_variable
from onboarding_shared.process.variables import OF_TASKS, RESERVED_OF_TASKS
from onboarding_shared.telemetry.known_secrets import hide_known, remember_secret
from onboarding_shared.telemetry.redaction import REDACTED, names_a_secret

SettingsType = type[msgspec.Struct]
_SCALARS = (inspect.StrType, inspect.IntType, inspect.FloatType, inspect.BoolType, inspect.LiteralType)


class Secret:
    """A secret that the operator gave. Nothing shows it; ``reveal()`` returns it, for the request that needs it."""

    __slots__ = ("_text",)

    def __init__(self, text: str) -> None:
        self._text = text

    def reveal(self) -> str:
        """Return the text of the secret."""
        return self._text

    def __repr__(self) -> str:
        return f"Secret({REDACTED!r})"

    def __reduce__(self) -> NoReturn:
        raise TypeError("A secret cannot be stored or sent")


def variable_of(task: str, field: str) -> str:
    """The name of the variable of a field in the settings of a task."""
    return f"{OF_TASKS}{task.partition('.')[0]}_{field}".upper()


def variables_of(task: str, settings: SettingsType | None) -> dict[str, str]:
    """The fields of the settings of a task, each with its variable."""
    if settings is None:
        return {}
    return {field.name: variable_of(task, field.name) for field in msgspec.structs.fields(settings)}


def settings_problems(task: object, settings: Any) -> Iterator[str]:
    """The rules of declared settings: a frozen struct of texts, numbers, booleans and secrets."""
    if settings is None:
        return
    if not (isinstance(settings, type) and issubclass(settings, msgspec.Struct)):
        yield "settings is a class derived from msgspec.Struct"
        return
    if not settings.__struct_config__.frozen:
        yield f"declare {settings.__name__} with frozen=True"
    if variable_of(str(task), "").startswith(RESERVED_OF_TASKS):
        yield f"a task with settings cannot be in this area: {RESERVED_OF_TASKS}… are variables of the product"
    described = inspect.type_info(settings)
    for field in described.fields if isinstance(described, inspect.StructType) else ():
        kinds = _kinds(field.type)
        if not kinds or not all(_is_scalar(kind) for kind in kinds):
            yield f"the setting {field.name!r} must be a text, a number, a boolean or a Secret"
        elif names_a_secret(field.name) and not any(_is_secret(kind) for kind in kinds):
            yield f"the setting {field.name!r} has the name of a secret: declare it as Secret"


def unused_variables(environment: Iterable[str], tasks: Mapping[str, SettingsType | None]) -> list[str]:
    """The variables that begin as settings of tasks, but are of none of these tasks."""
    used = {variable for task, settings in tasks.items() for variable in variables_of(task, settings).values()}
    given = (name for name in environment if name.startswith(OF_TASKS) and not name.startswith(RESERVED_OF_TASKS))
    return sorted(name for name in given if not {name, name.removesuffix("_FILE")} & used)


def read_settings(task: str, settings: SettingsType) -> msgspec.Struct:
    """The settings of a task from the environment; its secrets are known from now on.

    Raises ``SettingsError`` with a line for each variable that is missing or wrong, and never with its value. Where the
    struct itself refuses them, in ``__post_init__``, the line is its own words, without the secrets.
    """
    values: dict[str, Any] = {}
    problems: list[str] = []
    for field in msgspec.structs.fields(settings):
        name = variable_of(task, field.name)
        try:
            value = read_variable(name)
            if value is not None:
                values[field.name] = _converted(name, value, field.type)
            elif field.required:
                problems.append(f"{name} is not set: give it, or {name}_FILE")
        except SettingsError as error:
            problems += error.problems
    if problems:
        raise SettingsError(problems)
    return _made(settings, values)


def _converted(name: str, value: str, kind: Any) -> Any:
    try:
        return msgspec.convert(value, kind, strict=False, dec_hook=_secret)
    except msgspec.ValidationError as error:
        told = "none of the permitted values" if "Invalid enum value" in str(error) else str(error)
        raise SettingsError([f"{name}: {told}"]) from None


def _made(settings: SettingsType, values: Mapping[str, Any]) -> msgspec.Struct:
    """The struct itself, which runs code of the package."""
    try:
        return settings(**values)
    except (Exception, SystemExit) as error:
        told = hide_known(str(error)) or type(error).__name__
        raise SettingsError([f"{settings.__name__} refuses its settings: {told}"]) from None


def _secret(kind: type, value: Any) -> Secret:
    if kind is not Secret or not isinstance(value, str):
        raise NotImplementedError
    remember_secret(value)
    return Secret(value)


def _kinds(described: inspect.Type) -> tuple[inspect.Type, ...]:
    types = described.types if isinstance(described, inspect.UnionType) else (described,)
    inner = [kind.type if isinstance(kind, inspect.Metadata) else kind for kind in types]
    return tuple(kind for kind in inner if not isinstance(kind, inspect.NoneType))


def _is_scalar(described: inspect.Type) -> bool:
    return isinstance(described, _SCALARS) or _is_secret(described)


def _is_secret(described: inspect.Type) -> bool:
    return isinstance(described, inspect.CustomType) and described.cls is Secret
