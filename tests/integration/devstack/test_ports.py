"""Free ports for the processes of an embedded system."""

import socket
import subprocess
import sys

from onboarding_devstack.ports import RANGE, choose_ports


def test_a_wanted_port_is_kept_while_it_is_free() -> None:
    first = choose_ports(["a", "b"])
    assert choose_ports(["a", "b"], first) == first


def test_a_wanted_port_that_is_taken_is_replaced() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        assert choose_ports(["a"], {"a": port})["a"] != port


def test_a_reserved_port_is_given_to_one_process_only() -> None:
    port = choose_ports(["a"])["a"]
    program = f"from onboarding_devstack.ports import choose_ports; print(choose_ports(['a'], {{'a': {port}}})['a'])"
    neighbours = subprocess.run([sys.executable, "-c", program], check=True, capture_output=True, text=True).stdout

    assert int(neighbours) != port


def test_ports_are_outside_the_range_that_outgoing_connections_get() -> None:
    assert all(20000 <= port < 32000 for port in choose_ports([str(number) for number in range(50)]).values())
    assert RANGE.stop <= 32768


def test_no_two_names_share_a_port() -> None:
    assert len(set(choose_ports(["a", "b", "c"], {"a": 20500, "b": 20500, "c": 20500}).values())) == 3
