"""The settings of the process, and its errors when they are missing."""

import pytest

from onboarding_shared.process.settings import SettingsError, load
from task_runner.settings import TaskRunnerSettings

TENANT = "aaaaaaaa-0000-4000-8000-000000000001"
ACCOUNT = "aaaaaaaa-0000-4000-8000-0000000000a1"


@pytest.fixture(autouse=True)
def needed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DATABASE_URL", "postgresql://u:p@h/d")
    monkeypatch.setenv("KAFKA_BOOTSTRAP_SERVERS", "h:9092")


def test_two_variables_are_enough() -> None:
    worker = load(TaskRunnerSettings).worker
    assert (worker.concurrency, worker.tenant_concurrency, worker.lease_seconds) == (256, 8, 30.0)
    assert worker.queue_seconds == 3600.0
    assert (worker.confirm_seconds, worker.drain_seconds, worker.poll_seconds) == (20.0, 10.0, 1.0)


def test_every_wrong_variable_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ONBOARDING_CONCURRENCY", "0")
    monkeypatch.setenv("ONBOARDING_LEASE_SECONDS", "soon")
    with pytest.raises(SettingsError) as raised:
        load(TaskRunnerSettings)
    assert [line.split(":")[0] for line in raised.value.problems] == [
        "ONBOARDING_CONCURRENCY",
        "ONBOARDING_LEASE_SECONDS",
    ]


def test_the_partners_tenant_is_a_guid(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ONBOARDING_PARTNER_TENANT_ID", "contoso.onmicrosoft.com")
    with pytest.raises(SettingsError) as raised:
        load(TaskRunnerSettings)
    assert [line.split(":")[0] for line in raised.value.problems] == ["ONBOARDING_PARTNER_TENANT_ID"]


def test_tasks_are_left_out_by_name(monkeypatch: pytest.MonkeyPatch) -> None:
    assert load(TaskRunnerSettings).tasks.left_out == ()
    monkeypatch.setenv("ONBOARDING_TASKS_LEFT_OUT", "gdap.roles, app.consent,")
    assert load(TaskRunnerSettings).tasks.left_out == ("gdap.roles", "app.consent")


def test_emergency_access_accounts_are_configured_for_each_customers_tenant(monkeypatch: pytest.MonkeyPatch) -> None:
    assert load(TaskRunnerSettings).outside.emergency_access is None
    monkeypatch.setenv("ONBOARDING_EMERGENCY_ACCESS", f'{{"{TENANT.upper()}": ["{ACCOUNT.upper()}"]}}')
    assert load(TaskRunnerSettings).outside.emergency_access == {TENANT: (ACCOUNT,)}


@pytest.mark.parametrize(
    "value",
    [
        "not json",
        '["a"]',
        '{"contoso.example": ["aaaaaaaa-0000-4000-8000-0000000000a1"]}',
        '{"aaaaaaaa-0000-4000-8000-000000000001": ["admin@contoso.example"]}',
        '{"aaaaaaaa-0000-4000-8000-000000000001": []}',
    ],
)
def test_emergency_access_that_cannot_be_read_is_a_wrong_setting(monkeypatch: pytest.MonkeyPatch, value: str) -> None:
    monkeypatch.setenv("ONBOARDING_EMERGENCY_ACCESS", value)
    with pytest.raises(SettingsError) as raised:
        load(TaskRunnerSettings)
    assert {line.split(":")[0] for line in raised.value.problems} == {"ONBOARDING_EMERGENCY_ACCESS"}
