"""The embedded broker by itself."""

import socket

import pytest

from onboarding_shared.devstack import broker


def test_the_broker_is_asked_in_its_own_protocol_whether_it_is_ready(kafka: str) -> None:
    assert broker.is_ready(int(kafka.rsplit(":", 1)[1]))


def test_an_open_port_that_does_not_speak_kafka_is_not_ready() -> None:
    with socket.create_server(("127.0.0.1", 0)) as mute:
        assert not broker.is_ready(mute.getsockname()[1])


def test_waiting_for_a_broker_that_never_comes_ends_with_a_timeout() -> None:
    with pytest.raises(TimeoutError, match=r"port 9 was not ready within 0\.1 s"):
        broker.wait_until_ready(9, timeout=0.1)


def test_what_the_broker_would_take_for_its_settings_is_not_inherited(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("STORAGE_ENGINE", "s3://elsewhere/")
    monkeypatch.setenv("LANG", "C.UTF-8")
    assert "STORAGE_ENGINE" not in broker.environment()
    assert broker.environment()["LANG"] == "C.UTF-8"
