"""Ids of events: instances of the service read them, and nobody else."""

from base64 import urlsafe_b64decode

import pytest

from session_api.use_cases.stream_ids import MOST_CHARACTERS, StreamIds

OLD, NEW = "o" * 32, "n" * 32
POSITION = b"\x01\x0c" + bytes(range(60))


def test_another_instance_with_the_secret_reads_an_id() -> None:
    assert StreamIds([NEW]).opened(StreamIds([NEW]).sealed(POSITION)) == POSITION


def test_an_id_of_the_secret_before_is_read_too() -> None:
    assert StreamIds([NEW, OLD]).opened(StreamIds([OLD]).sealed(POSITION)) == POSITION
    assert StreamIds([NEW]).opened(StreamIds([OLD]).sealed(POSITION)) is None


def test_without_secrets_only_the_instance_itself_reads() -> None:
    ids = StreamIds([])
    assert ids.opened(ids.sealed(POSITION)) == POSITION
    assert StreamIds([]).opened(ids.sealed(POSITION)) is None


def test_two_ids_of_one_position_share_nothing() -> None:
    ids = StreamIds([NEW])
    first, second = (urlsafe_b64decode(ids.sealed(POSITION) + "==") for _ in range(2))
    assert sum(one == other for one, other in zip(first, second, strict=True)) < 10
    assert POSITION[:8] not in first


def test_an_id_of_the_longest_position_fits_a_header() -> None:
    assert len(StreamIds([NEW]).sealed(b"x" * 5_900)) <= MOST_CHARACTERS


@pytest.mark.parametrize("text", ["", "A", "AQ", "%%%%", "AQ AA", "ä", "A" * 64, "A" * 9000])
def test_what_is_made_up_is_no_id(text: str) -> None:
    assert StreamIds([NEW]).opened(text) is None
    assert StreamIds([NEW]).opened(f"{StreamIds([NEW]).sealed(POSITION)}{text}x") is None
