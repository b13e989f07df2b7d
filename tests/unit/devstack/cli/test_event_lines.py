"""An event as a line of a terminal."""

from onboarding_devstack.cli.event_lines import HEADINGS, event_line

EVENT = {
    "type": "org.onboarding.RunFinished.v1",
    "time": "2026-11-24T09:30:01.250000Z",
    "subject": "runs/17",
    "sequence": "0000000000000000004",
    "partitionkey": "42",
    "data": {
        "type": "RunFinished",
        "tenant_id": 42,
        "run_id": 17,
        "task_type": "domains.list",
        "attempt": 1,
        "state": "succeeded",
        "status": "warn",
        "reason_code": "DOMAINS_FOUND",
        "message": "3 domains.",
        "payload": {"count": 3},
    },
}


def test_a_line_says_when_whose_what_and_how_it_ended() -> None:
    assert event_line(EVENT).plain == (
        "09:30:01.250  42          4       RunFinished              runs/17        "
        " succeeded warn DOMAINS_FOUND task_type=domains.list attempt=1"
    )


def test_headings_stand_above_their_columns() -> None:
    line = event_line(EVENT).plain
    places = [HEADINGS.index(heading) for heading in ("tenant", "no.", "event", "about", "details")]
    assert places == [line.index(cell) for cell in ("42 ", "4 ", "RunFinished", "runs/17", "succeeded")]


def test_what_a_terminal_would_carry_out_is_replaced() -> None:
    forged = EVENT | {"subject": "runs/\x1b[2J", "data": {"status": "ok\x1b]0;x\x07", "a\x9b": "\u202e"}}
    assert "\x1b" not in event_line(forged).plain
    assert "\x9b" not in event_line(forged).plain
    assert "runs/\N{REPLACEMENT CHARACTER}[2J" in event_line(forged).plain
