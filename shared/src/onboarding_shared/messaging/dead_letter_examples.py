"""One example per operation on dead letters, for the API pages."""

from collections.abc import Mapping
from typing import Any

from onboarding_shared.web.openapi_page import OperationExample

_CAUSE: dict[str, Any] = {"source_topic": "onboarding.operation-runs.v1", "reason_code": "APPLY_FAILED"}
_LETTER: dict[str, Any] = {
    "id": 12,
    **_CAUSE,
    "partition": 3,
    "offset": 512,
    "detail": "LookupError: no such session",
    "recorded_at": "2026-11-24T09:30:00.000000Z",
    "state": "kept",
    "replays": 0,
    "acted_at": None,
    "acted_by_user_id": None,
    "replayable": True,
    "obstacle": None,
    "obstacle_text": None,
}
_COUNTS = {"replayed": 0, "rejected": 0, "discarded": 0, "skipped": 0, "remaining": 0}

DEAD_LETTER_EXAMPLES: Mapping[str, OperationExample] = {
    "listDeadLetters": OperationExample([_LETTER]),
    "listDeadLetterGroups": OperationExample(
        [
            {
                **_CAUSE,
                "count": 2,
                "oldest_at": "2026-11-24T09:30:00.000000Z",
                "newest_at": "2026-11-24T09:31:00.000000Z",
                "example_id": 12,
            }
        ]
    ),
    "getDeadLetter": OperationExample(
        {
            **_LETTER,
            "key": {"text": "42", "base64": None},
            "value": {"text": '{"type":"RunStarted","tenant_id":42}', "base64": None},
            "headers": [{"name": "ce_sequence", "text": "7", "base64": None}],
        }
    ),
    "replayDeadLetter": OperationExample({"id": 12, "outcome": "applied", "reason_code": None, "detail": None}),
    "discardDeadLetter": OperationExample({"id": 12, "state": "discarded"}),
    "replayDeadLetterGroup": OperationExample({**_COUNTS, "replayed": 1, "rejected": 1, "remaining": 1}, _CAUSE),
    "discardDeadLetterGroup": OperationExample({**_COUNTS, "discarded": 2}, _CAUSE),
}
