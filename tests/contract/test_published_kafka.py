"""The compose file that publishes Kafka to tests of other teams fits docker-compose.yml."""

import importlib.resources
from pathlib import Path
from typing import Any

import yaml

from onboarding_testing.compose import OVERRIDE, OnboardingStack
from tests.support.compose_file import ROOT, compose

LISTENERS = ("KAFKA_LISTENERS", "KAFKA_ADVERTISED_LISTENERS", "KAFKA_LISTENER_SECURITY_PROTOCOL_MAP")


def override() -> dict[str, Any]:
    text = importlib.resources.files("onboarding_testing").joinpath(OVERRIDE).read_text(encoding="utf-8")
    return dict(yaml.safe_load(text)["services"]["kafka"])


def test_kafka_keeps_its_listeners_and_gets_one_for_the_host() -> None:
    ours, published = compose()["services"]["kafka"]["environment"], override()["environment"]
    added = {name: published[name].removeprefix(ours[name]) for name in LISTENERS}
    assert added == {
        "KAFKA_LISTENERS": ",HOST://:9095",
        "KAFKA_ADVERTISED_LISTENERS": ",HOST://127.0.0.1:${ONBOARDING_KAFKA_PORT}",
        "KAFKA_LISTENER_SECURITY_PROTOCOL_MAP": ",HOST:SASL_PLAINTEXT",
    }


def test_kafka_is_published_to_this_machine_alone() -> None:
    assert override()["ports"] == ["127.0.0.1:${ONBOARDING_KAFKA_PORT}:9095"]


def test_a_stack_is_a_project_of_its_own_with_both_files() -> None:
    first, second = OnboardingStack(ROOT), OnboardingStack(ROOT)
    command = first.compose.docker_compose_command()
    named = dict(zip(command[2::2], command[3::2], strict=True))
    assert command[1:4:2] == ["compose", first.compose.project]
    assert first.compose.project != second.compose.project
    assert [Path(file).name for file in command if file.endswith(".yml")] == ["docker-compose.yml", OVERRIDE]
    assert "ONBOARDING_KAFKA_PORT=" in Path(named["--env-file"]).read_text(encoding="utf-8")
