"""Connections are counted in total and per address."""

import pytest

from onboarding_shared.web.connections import ConnectionLimits, OpenConnections, counted_address


def counts(connections: int, per_address: int) -> OpenConnections:
    return OpenConnections(
        ConnectionLimits(connections=connections, per_address=per_address, header_seconds=10, write_seconds=10)
    )


def test_an_address_at_its_limit_is_refused_and_another_is_not() -> None:
    opened = counts(10, 2)
    assert [opened.enter(address, 0.0) for address in ("a", "a", "a", "b")] == [True, True, False, True]


def test_addresses_together_stay_within_the_total() -> None:
    opened = counts(3, 2)
    assert [opened.enter(address, 0.0) for address in ("a", "b", "c", "d")] == [True, True, True, False]


@pytest.mark.parametrize("address", ["127.0.0.1", counted_address("::1")])
def test_a_loopback_address_has_places_beyond_the_total(address: str) -> None:
    opened = counts(1, 1)
    assert [opened.enter(caller, 0.0) for caller in ("a", address, "b", address)] == [True, True, False, False]


def test_a_connection_that_ended_makes_room() -> None:
    opened = counts(1, 1)
    assert opened.enter("a", 0.0)
    opened.leave("a")
    assert opened.enter("a", 0.0)


def test_a_connection_without_an_address_counts_in_the_total_only() -> None:
    opened = counts(2, 1)
    assert [opened.enter(None, 0.0) for _ in range(3)] == [True, True, False]


@pytest.mark.parametrize(
    ("address", "counted"),
    [
        ("192.0.2.1", "192.0.2.1"),
        ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"),
        ("fe80::1%eth0", "fe80::/64"),
        ("::ffff:192.0.2.1", "192.0.2.1"),
        ("testclient", "testclient"),
    ],
)
def test_an_ipv6_address_counts_as_its_network(address: str, counted: str) -> None:
    assert counted_address(address) == counted
