"""Which dead letters can be replayed, and what is read of stored bytes."""

from typing import Any

import pytest

from onboarding_shared.contracts.topics import OPERATION_RUNS, TASK_COMMANDS
from onboarding_shared.messaging.dead_letter_bodies import Content, Header, content_body
from onboarding_shared.messaging.dead_letter_rows import LetterContent
from onboarding_shared.messaging.dead_letter_rules import KeptContent, Obstacle, obstacle

WHOLE: dict[str, Any] = {
    "source_topic": OPERATION_RUNS.name,
    "reason_code": "APPLY_FAILED",
    "value_bytes": 300,
    "key_bytes": 2,
    "is_whole": True,
    "headers_cut": False,
}
CUT = {"is_whole": False}
COMMAND = {"source_topic": TASK_COMMANDS.name}


@pytest.mark.parametrize(
    ("difference", "expected"),
    [
        ({}, None),
        (COMMAND, None),
        ({"reason_code": "CHECKSUM_WRONG"}, Obstacle.RECORD_UNREADABLE),
        ({"value_bytes": None}, Obstacle.CONTENT_MISSING),
        ({"headers_cut": True}, Obstacle.CONTENT_CUT),
        ({**CUT, "value_bytes": 196_608}, Obstacle.CONTENT_CUT),
        (CUT, Obstacle.CONTENT_CUT),
        ({**COMMAND, **CUT}, Obstacle.RUN_KEY_REMOVED),
        ({**COMMAND, **CUT, "value_bytes": 196_608}, Obstacle.CONTENT_CUT),
        ({**COMMAND, **CUT, "key_bytes": 1024}, Obstacle.CONTENT_CUT),
    ],
)
def test_only_a_record_that_is_stored_whole_is_replayable(
    difference: dict[str, Any], expected: Obstacle | None
) -> None:
    assert obstacle(KeptContent(**{**WHOLE, **difference})) is expected


def test_bytes_that_are_not_utf_8_are_shown_in_base64() -> None:
    body = content_body(LetterContent(key=None, value=b"\xff", headers=(("a", b"\xc3\xa4"), ("b", None))))

    assert (body.key, body.value) == (Content(), Content(base64="/w=="))
    assert body.headers == [Header(name="a", text="ä"), Header(name="b")]
