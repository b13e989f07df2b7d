"""The buffer from which streams resume: what it gives again, and when it admits that it cannot."""

from session_api.domain.live_events import ReloadReason
from session_api.domain.stream_positions import Place, encoded
from session_api.use_cases.event_buffer import EventBuffer

TOPICS = ("sessions", "runs")
SESSIONS: Place = ("sessions", 0)
RUNS: Place = ("runs", 0)
LARGE = 2**30


def buffer(*, most_events: int = 100, most_bytes: int = LARGE) -> EventBuffer:
    made = EventBuffer(TOPICS, most_events=most_events, most_bytes=most_bytes)
    made.begin({SESSIONS: 10, RUNS: 20})
    return made


def read(made: EventBuffer, place: Place, offset: int, tenant_id: int = 42) -> None:
    made.passed(place, offset)
    made.add(place, offset, tenant_id, f"{place[0]}:{offset}".encode())


def missed(made: EventBuffer, position: bytes | None, *, tenant_id: int = 42, most: int = 50) -> object:
    assert position is not None
    frames = made.since(position, lambda other: other == tenant_id, most=most, most_bytes=LARGE)
    return frames if isinstance(frames, ReloadReason) else [frame.decode() for frame in frames]


def at(sessions: int, runs: int) -> bytes | None:
    return encoded({SESSIONS: sessions, RUNS: runs}, TOPICS)


def test_events_after_a_position_are_given_in_order() -> None:
    made = buffer()
    read(made, SESSIONS, 10)
    position = made.position()
    for place, offset in ((RUNS, 20), (SESSIONS, 11), (RUNS, 21)):
        read(made, place, offset)

    assert missed(made, position) == ["runs:20", "sessions:11", "runs:21"]
    assert missed(made, made.position()) == []


def test_only_events_of_wanted_tenants_are_given() -> None:
    made = buffer()
    read(made, RUNS, 20, tenant_id=42)
    read(made, RUNS, 21, tenant_id=43)

    assert missed(made, at(10, 20), tenant_id=43) == ["runs:21"]


def test_a_position_of_an_instance_that_was_ahead_is_resumed() -> None:
    made = buffer()
    read(made, SESSIONS, 10)
    read(made, RUNS, 20)

    assert missed(made, at(10, 25)) == ["sessions:10"]
    assert made.ahead(at(10, 25) or b"") == {RUNS: 25}


def test_a_position_before_the_oldest_event_is_too_old() -> None:
    made = buffer(most_events=2)
    for offset in (20, 21, 22):
        read(made, RUNS, offset)

    assert missed(made, at(10, 20)) is ReloadReason.POSITION_TOO_OLD
    assert missed(made, at(10, 21)) == ["runs:21", "runs:22"]


def test_a_position_before_the_beginning_is_too_old() -> None:
    assert missed(buffer(), at(9, 20)) is ReloadReason.POSITION_TOO_OLD


def test_more_events_than_a_stream_takes_are_too_old() -> None:
    made = buffer()
    for offset in (20, 21, 22):
        read(made, RUNS, offset)

    assert missed(made, at(10, 20), most=2) is ReloadReason.POSITION_TOO_OLD
    assert made.since(at(10, 20) or b"", lambda _: True, most=9, most_bytes=20) is ReloadReason.POSITION_TOO_OLD


def test_bytes_are_bounded_too() -> None:
    made = buffer(most_bytes=1_000)
    for offset in range(20, 30):
        read(made, RUNS, offset)

    assert missed(made, at(10, 28)) == ["runs:28", "runs:29"]
    assert missed(made, at(10, 27)) is ReloadReason.POSITION_TOO_OLD


def test_records_without_an_event_move_the_position_on() -> None:
    made = buffer()
    made.passed(RUNS, 20)

    assert made.position() == at(10, 21)
    assert missed(made, at(10, 20)) == []


def test_a_partition_that_came_later_is_read_from_its_beginning() -> None:
    made = EventBuffer(TOPICS, most_events=100, most_bytes=LARGE)
    made.begin({SESSIONS: 10})
    position = made.position()
    made.begin({RUNS: 0})
    read(made, RUNS, 0)

    assert missed(made, position) == ["runs:0"]


def test_an_unreadable_position_is_unknown() -> None:
    assert missed(buffer(), b"rubbish") is ReloadReason.POSITION_UNKNOWN
