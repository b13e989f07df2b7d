"""For how long ended runs are kept: for ever, or a week at least."""

import pytest

from onboarding_shared.process.retention_settings import RunRetentionSettings
from onboarding_shared.process.settings import SettingsError, load


def test_runs_are_kept_for_ever_by_default(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("ONBOARDING_RUN_DAYS", raising=False)
    assert load(RunRetentionSettings).run_days == 0


def test_runs_are_kept_for_a_week_at_least(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ONBOARDING_RUN_DAYS", "7")
    assert load(RunRetentionSettings).run_days == 7
    monkeypatch.setenv("ONBOARDING_RUN_DAYS", "6")
    with pytest.raises(SettingsError, match=r"ONBOARDING_RUN_DAYS.*0 .for ever. or at least 7"):
        load(RunRetentionSettings)
