"""Brokers of the embedded system: how they are asked, and the embedded one."""

import socket

import pytest

from onboarding_devstack.engines import broker


def test_a_broker_is_probed_in_its_own_protocol(kafka: str) -> None:
    assert broker.is_ready(kafka)


def test_one_of_several_addresses_that_answers_is_enough(kafka: str) -> None:
    assert broker.is_ready(f"127.0.0.1:9,{kafka}")


def test_an_open_port_without_the_kafka_protocol_is_not_ready() -> None:
    with socket.create_server(("127.0.0.1", 0)) as mute:
        assert not broker.is_ready(f"127.0.0.1:{mute.getsockname()[1]}")


def test_waiting_for_an_absent_broker_ends_with_a_timeout() -> None:
    with pytest.raises(TimeoutError, match=r"127\.0\.0\.1:9 was not ready within 0\.1 s"):
        broker.wait_until_ready("127.0.0.1:9", timeout=0.1)
