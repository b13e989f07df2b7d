"""Engines of somebody else's that do not answer."""

from pathlib import Path

import pytest

from onboarding_devstack.embedded import obtain, prepare_outside
from onboarding_devstack.engines.chosen import Engines
from onboarding_devstack.engines.engine_error import EngineError
from onboarding_devstack.place import prepare


def test_an_unreachable_broker_is_named_before_any_process_starts(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("onboarding_devstack.embedded.BROKER_TIMEOUT", 0.1)
    with pytest.raises(EngineError, match=r"no Kafka broker responds at 127\.0\.0\.1:9") as failure:
        obtain(Engines("127.0.0.1:9"), print)
    assert failure.value.name == "broker"


def test_an_unreachable_server_is_named_without_its_password(tmp_path: Path) -> None:
    place = prepare(tmp_path, Engines("embedded", "postgresql://boss:secret@127.0.0.1:9/postgres"))
    with pytest.raises(EngineError, match=r"cannot be created on postgresql://127\.0\.0\.1:9: ") as failure:
        prepare_outside(place)
    assert "secret" not in str(failure.value)
