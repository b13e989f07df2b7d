"""docs/settings.md and .env.example have every setting, for the services that read it, with its default."""

import re
from collections.abc import Iterator
from typing import Any

import pytest
from pydantic.fields import FieldInfo

from evidence_store.settings import EvidenceStoreSettings
from onboarding_devstack.system import TUNING
from onboarding_shared.contracts.bindings import parse_bindings
from onboarding_shared.process.settings import Settings
from onboarding_shared.process.variables import OF_SERVICES, PREFIX
from onboarding_shared.web.identity import Permissions
from session_api.domain.bindings import refusal
from session_api.settings import SessionApiSettings
from task_runner.settings import TaskRunnerSettings
from tests.docs.tables import DOCS, ROOT, first_words, rows, words

PAGE = DOCS / "settings.md"
EXAMPLE = ROOT / ".env.example"
SECTIONS = ("Process", "Database", "Kafka", "HTTP", "Identity", "Logs", "Traces", "session-api", "task-runner")
SERVICES = {"S": SessionApiSettings, "R": TaskRunnerSettings, "E": EvidenceStoreSettings}


def variables(settings: type[Settings]) -> Iterator[tuple[str, FieldInfo]]:
    """Every variable of a settings class and its sections."""
    for field in settings.model_fields.values():
        if isinstance(field.annotation, type) and issubclass(field.annotation, Settings):
            yield from variables(field.annotation)
        else:
            yield str(field.validation_alias), field


def written(value: Any) -> str:
    """A default as the page writes it."""
    if value in (None, "", ()):
        return "unset"
    if isinstance(value, bool):
        return f"`{str(value).lower()}`"
    if isinstance(value, tuple):
        return f"`{','.join(value)}`"
    return f"`{value:g}`" if isinstance(value, float) else f"`{value}`"


def documented() -> dict[str, tuple[str, str]]:
    """Variable → the services it is for, and its default, as the page says."""
    return {
        words(row[0])[0]: (row[1], row[2])
        for section in SECTIONS
        for row in rows(PAGE, section)
        if "onboarding." not in row[0]
    }


@pytest.mark.parametrize("letter", SERVICES)
def test_the_settings_page_has_exactly_the_settings_of_a_service(letter: str) -> None:
    page = {name for name, (services, _) in documented().items() if letter in services.split()}

    assert page == {name for name, _ in variables(SERVICES[letter])}


def test_every_default_is_the_one_of_the_code() -> None:
    defaults = {
        name: "needed" if field.is_required() else written(field.default)
        for settings in (TaskRunnerSettings, EvidenceStoreSettings, SessionApiSettings)
        for name, field in variables(settings)
        if not (settings is TaskRunnerSettings and name == "ONBOARDING_DRAIN_SECONDS")
    }

    assert {name: default for name, (_, default) in documented().items()} == defaults


def test_the_example_of_a_binding_file_is_one_that_both_services_read() -> None:
    section = PAGE.read_text(encoding="utf-8").split("### Tenant bindings")[1]
    example = section.split("```json\n")[1].split("```")[0]

    (binding,) = parse_bindings(example).values()
    assert (binding.tenant_id, binding.credential, binding.cloud) == (42, "graph-main", "public")
    assert refusal(binding, partner_tenant_id=None, references=False) is None


def test_the_settings_page_has_every_permission() -> None:
    assert first_words(PAGE, "Permissions") == [*Permissions.ALL, Permissions.PLATFORM]


def test_the_settings_page_has_the_embedded_systems_settings() -> None:
    rows_of = {tuple(words(row[0])): row[1] for row in rows(PAGE, "The embedded system")}

    assert rows_of[tuple(TUNING)] == f"`{TUNING['ONBOARDING_LEASE_SECONDS']}`"
    assert len(set(TUNING.values())) == 1


def test_the_example_has_every_setting_in_the_pages_order() -> None:
    names = re.findall(r"^#? ?([A-Z][A-Z0-9_]+)=", EXAMPLE.read_text(encoding="utf-8"), re.MULTILINE)

    assert names == list(documented())


def test_the_example_sets_needed_settings_and_comments_out_defaults() -> None:
    lines = dict(re.findall(r"^(#? ?[A-Z][A-Z0-9_]+)=(.*)$", EXAMPLE.read_text(encoding="utf-8"), re.MULTILINE))

    for name, (_, default) in documented().items():
        if default == "needed":
            assert lines[name]
        else:
            assert lines[f"# {name}"] == default.strip("`").replace("unset", "")


def test_no_service_takes_a_setting_of_another_for_a_mistake() -> None:
    named = {name for settings in SERVICES.values() for name, _ in variables(settings)}

    assert {name for name in named if name.startswith(PREFIX)} == OF_SERVICES
