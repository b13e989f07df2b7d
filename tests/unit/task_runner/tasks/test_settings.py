"""Settings and secrets of tasks: their declaration, their variables, and that no secret is shown."""

import json
import logging
import pickle
from collections.abc import Iterator
from io import StringIO
from pathlib import Path
from typing import Annotated, Any, Literal

import msgspec
import pytest
import structlog
from msgspec import Meta

from onboarding_shared.process.service_settings import LogSettings
from onboarding_shared.telemetry import known_secrets
from onboarding_shared.telemetry.logging import configure_logging
from task_runner.tasks import (
    CannotTell,
    DeclarationError,
    PayloadError,
    Result,
    Secret,
    Task,
    TaskContext,
    TaskFault,
    task,
)
from task_runner.tasks.context import RunDetails
from task_runner.tasks.registry import Installed, configured
from task_runner.tasks.settings import unused_variables
from tests.support.own_logging import logging_as_before
from tests.unit.task_runner.tasks.test_declaration import context

PLAIN = "correcthorsebattery"
"""A secret that looks like a word."""
QUOTED = 'quote"and\\slash-and-ü'


class HelpdeskSettings(msgspec.Struct, frozen=True):
    base_url: str
    api_token: Secret
    days: Annotated[int, Meta(ge=1)] = 30
    strict: bool = False
    level: Literal["low", "high"] = "low"


GIVEN = {"BASE_URL": "https://helpdesk.example", "API_TOKEN": PLAIN}


@pytest.fixture(autouse=True)
def no_known_secrets(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(known_secrets, "KNOWN", known_secrets.KNOWN)
    known_secrets.KNOWN.clear()


@pytest.fixture(autouse=True)
def own_logging() -> Iterator[None]:
    with logging_as_before():
        yield


def declared(settings: Any = HelpdeskSettings, name: str = "helpdesk.ticket", function: Any = None) -> Task:
    async def fine(context: TaskContext) -> Result:
        """Reads."""
        return Result.ok("ALL_FINE")

    return task(name, step=1, title="T", scope="tenant", settings=settings)(function or fine)


def given(monkeypatch: pytest.MonkeyPatch, **values: str) -> Installed:
    for name, value in values.items():
        monkeypatch.setenv(f"ONBOARDING_TASK_HELPDESK_{name}", value)
    other = declared(None, "other.task")
    return configured(Installed({"helpdesk.ticket": declared(), "other.task": other}, ()))


def test_settings_are_read_from_variables_of_the_area(monkeypatch: pytest.MonkeyPatch) -> None:
    found = given(monkeypatch, **GIVEN, DAYS="7", STRICT="true", LEVEL="high")
    settings: Any = found.tasks["helpdesk.ticket"].configured

    assert (settings.base_url, settings.days, settings.strict, settings.level) == (
        "https://helpdesk.example",
        7,
        True,
        "high",
    )
    assert settings.api_token.reveal() == PLAIN
    assert found.problems == ()


def test_a_secret_may_be_in_a_file(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / "token").write_text(f"{PLAIN}\n")
    found = given(monkeypatch, BASE_URL="https://h", API_TOKEN_FILE=str(tmp_path / "token"))
    settings: Any = found.tasks["helpdesk.ticket"].configured

    assert settings.api_token.reveal() == PLAIN


def test_a_task_without_its_settings_is_a_problem_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    found = given(monkeypatch)

    assert list(found.tasks) == ["other.task"]
    (unusable,) = found.problems
    assert unusable.task_types == ("helpdesk.ticket",)
    assert unusable.problem == (
        "Task 'helpdesk.ticket': "
        "ONBOARDING_TASK_HELPDESK_BASE_URL is not set: give it, or ONBOARDING_TASK_HELPDESK_BASE_URL_FILE; "
        "ONBOARDING_TASK_HELPDESK_API_TOKEN is not set: give it, or ONBOARDING_TASK_HELPDESK_API_TOKEN_FILE"
    )


@pytest.mark.parametrize(
    ("name", "value"), [("DAYS", "seven7seven"), ("DAYS", "-77"), ("LEVEL", "highest-of-all"), ("API_TOKEN", "short77")]
)
def test_a_wrong_setting_is_named_without_its_value(name: str, value: str, monkeypatch: pytest.MonkeyPatch) -> None:
    found = given(monkeypatch, **{**GIVEN, name: value})

    assert list(found.tasks) == ["other.task"]
    assert f"ONBOARDING_TASK_HELPDESK_{name}: " in found.problems[0].problem
    assert value not in found.problems[0].problem


def test_a_file_that_cannot_be_read_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    found = given(monkeypatch, BASE_URL="https://h", API_TOKEN_FILE="/no/such/file")

    assert "ONBOARDING_TASK_HELPDESK_API_TOKEN_FILE: /no/such/file cannot be read" in found.problems[0].problem


class Mutable(msgspec.Struct):
    url: str


class Nested(msgspec.Struct, frozen=True):
    urls: list[str]


class PlainToken(msgspec.Struct, frozen=True):
    api_token: str


class OptionalToken(msgspec.Struct, frozen=True):
    api_token: Secret | None = None


class Refusing(msgspec.Struct, frozen=True):
    api_token: Secret

    def __post_init__(self) -> None:
        raise ValueError(f"{self.api_token.reveal()} has no dot")


class Crashing(msgspec.Struct, frozen=True):
    api_token: Secret

    def __post_init__(self) -> None:
        raise KeyError


class Renamed(msgspec.Struct, frozen=True, rename="camel"):
    api_token: Secret


class AsArray(msgspec.Struct, frozen=True, array_like=True):
    api_token: Secret


@pytest.mark.parametrize(
    ("settings", "told"),
    [
        (Refusing, "Refusing refuses its settings: [redacted] has no dot"),
        (Crashing, "Crashing refuses its settings: KeyError"),
    ],
)
def test_settings_that_refuse_themselves_are_a_problem_alone(
    settings: Any, told: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ONBOARDING_TASK_HELPDESK_API_TOKEN", PLAIN)
    other = declared(None, "other.task")
    found = configured(Installed({"helpdesk.ticket": declared(settings), "other.task": other}, ()))

    assert list(found.tasks) == ["other.task"]
    assert [unusable.problem for unusable in found.problems] == [f"Task 'helpdesk.ticket': {told}"]


@pytest.mark.parametrize("settings", [Renamed, AsArray])
def test_variables_have_the_names_of_attributes(settings: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ONBOARDING_TASK_HELPDESK_API_TOKEN", PLAIN)
    found = configured(Installed({"helpdesk.ticket": declared(settings)}, ()))
    made: Any = found.tasks["helpdesk.ticket"].configured

    assert made.api_token.reveal() == PLAIN


@pytest.mark.parametrize(
    ("settings", "problem"),
    [
        (dict, "derived from msgspec.Struct"),
        (Mutable, "frozen=True"),
        (Nested, "'urls' must be a text"),
        (PlainToken, "'api_token' has the name of a secret"),
    ],
)
def test_settings_that_cannot_be_given_are_refused(settings: Any, problem: str) -> None:
    with pytest.raises(DeclarationError, match=problem):
        declared(settings)


def test_an_optional_secret_may_be_missing() -> None:
    (task_alone,) = configured(Installed({"h.t": declared(OptionalToken)}, ())).tasks.values()
    assert task_alone.configured == OptionalToken(None)


def test_variables_of_the_product_are_of_no_task() -> None:
    with pytest.raises(DeclarationError, match="ONBOARDING_TASK_RUNNER_"):
        declared(OptionalToken, "runner.health")


def test_a_misspelt_variable_is_noticed() -> None:
    names = ["ONBOARDING_TASK_HELPDESK_DAYS_FILE", "ONBOARDING_TASK_HELPDESK_DAY", "ONBOARDING_TASK_RUNNER_HEALTH_URL"]

    assert unused_variables(names, {"helpdesk.ticket": HelpdeskSettings}) == ["ONBOARDING_TASK_HELPDESK_DAY"]


def test_a_secret_has_no_text_but_the_revealed_one() -> None:
    secret = Secret(PLAIN)

    assert PLAIN not in f"{secret} {secret!r} {HelpdeskSettings('u', secret)}"
    with pytest.raises(TypeError):
        pickle.dumps(secret)
    with pytest.raises(PayloadError):
        Result.ok("ALL_FINE", payload={"given": secret})


@pytest.mark.parametrize("secret", [PLAIN, QUOTED])
async def test_no_result_has_a_secret(secret: str, monkeypatch: pytest.MonkeyPatch) -> None:
    async def telling(context: TaskContext) -> Result:
        """Tells what it must not."""
        revealed = context.settings.api_token.reveal()
        return Result.ok("ALL_FINE", revealed, {"deep": [{revealed: f"x{revealed}x"}]})

    monkeypatch.setenv("ONBOARDING_TASK_HELPDESK_API_TOKEN", secret)
    (made,) = configured(Installed({"helpdesk.ticket": declared(OptionalToken, function=telling)}, ())).tasks.values()
    result = await made(context(details=RunDetails(settings=made.configured)))

    assert result.message == "[redacted]"
    assert result.payload["deep"] == [{"[redacted]": "x[redacted]x"}]


@pytest.mark.parametrize("raised", [TaskFault, CannotTell])
async def test_no_refusal_has_a_secret(raised: type[Exception], monkeypatch: pytest.MonkeyPatch) -> None:
    async def failing(context: TaskContext) -> Result:
        """Fails."""
        raise raised("ALL_LOST", PLAIN, payload={"given": PLAIN})

    monkeypatch.setenv("ONBOARDING_TASK_HELPDESK_API_TOKEN", PLAIN)
    (made,) = configured(Installed({"helpdesk.ticket": declared(OptionalToken, function=failing)}, ())).tasks.values()
    try:
        told: Any = await made(context(details=RunDetails(settings=made.configured)))
    except TaskFault as fault:
        told = fault

    assert (told.message, told.payload["given"]) == ("[redacted]", "[redacted]")


@pytest.mark.parametrize("shape", ["json", "console"])
@pytest.mark.parametrize("secret", [PLAIN, QUOTED])
def test_no_line_has_a_secret(secret: str, shape: Literal["json", "console"]) -> None:
    stream = StringIO()
    configure_logging(LogSettings(format=shape), service="task-runner", stream=stream)
    known_secrets.remember_secret(secret)
    structlog.get_logger("own").info("said", text=secret, inner={"a": [secret]})
    logging.getLogger("library").warning("said %s", secret)
    try:
        raise RuntimeError(secret)
    except RuntimeError:
        structlog.get_logger("own").exception("crashed")

    shown = stream.getvalue()
    assert shown.count("[redacted]") >= 4
    assert secret not in shown
    assert json.dumps(secret)[1:-1] not in shown
