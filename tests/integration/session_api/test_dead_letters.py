"""Dead letters over HTTP: for operators of the platform only."""

import hashlib
import json
from datetime import UTC, datetime
from typing import Any

import httpx2
import msgspec
import pytest

from onboarding_shared.contracts.cloudevents import encode_headers
from onboarding_shared.contracts.task_runner import RunStarted
from tests.integration.session_api.consent_harness import sent
from tests.integration.session_api.service import Api

LETTERS = "/onboarding/dead-letters"
CAUSE = {"source_topic": "onboarding.operation-runs.v1", "reason_code": "APPLY_FAILED"}
AT = datetime(2026, 11, 24, 9, 30, tzinfo=UTC)
INSERT = """
INSERT INTO dead_letters
    (source_topic, partition, record_offset, fingerprint, reason_code, detail, key, value, headers)
VALUES ('onboarding.operation-runs.v1', 3, :offset, :fingerprint, 'APPLY_FAILED', 'LookupError: planted', '42',
        CAST(:value AS bytea), CAST(:headers AS jsonb))
"""
ROUTES = [
    ("GET", LETTERS, None),
    ("GET", f"{LETTERS}/groups", None),
    ("GET", f"{LETTERS}/1", None),
    ("POST", f"{LETTERS}/1/replay", None),
    ("POST", f"{LETTERS}/1/discard", None),
    ("POST", f"{LETTERS}/groups/replay", CAUSE),
    ("POST", f"{LETTERS}/groups/discard", CAUSE),
]


async def keep(api: Api, count: int = 1, *, stored: bytes | None = None) -> None:
    """Store dead letters as the consumer does; ``stored`` is what is kept in place of the value."""
    for sequence in range(1, count + 1):
        message = RunStarted(tenant_id=42, run_id=17, task_type="license.inventory", attempt=1, started_at=AT)
        value = msgspec.json.encode(message)
        headers = encode_headers(
            message_id=f"m{sequence}", source=message.topic.source, event_type=message.event_type(), time=AT,
            subject=message.subject, tenant_id=42, sequence=sequence, traceparent=None,
        )  # fmt: skip
        encoded = msgspec.json.encode(headers).decode()
        fingerprint = hashlib.sha256(b"42\x00" + value).digest()
        await api.rows(INSERT, offset=sequence, fingerprint=fingerprint, value=stored or value, headers=encoded)


def operator(api: Api) -> httpx2.AsyncClient:
    return api.caller(9, tenants=[], permissions=["onboarding.platform"])


def code(answer: httpx2.Response) -> tuple[int, str]:
    return answer.status_code, answer.json()["code"]


async def test_only_operators_of_the_platform_see_dead_letters(api: Api) -> None:
    caller = api.caller()
    for method, path, body in ROUTES:
        answer = await caller.request(method, path, json=body)
        assert (answer.status_code, answer.json()["permission"]) == (403, "onboarding.platform"), path


async def test_a_dead_letter_is_shown_and_replayed_once(api: Api) -> None:
    await keep(api)
    caller = operator(api)

    shown = (await caller.get(f"{LETTERS}/1")).json()
    first, again = [(await caller.post(f"{LETTERS}/1/replay")).json() for _ in range(2)]

    assert (shown["replayable"], shown["key"], json.loads(shown["value"]["text"])["run_id"]) == (
        True,
        {"text": "42", "base64": None},
        17,
    )
    assert first == {"id": 1, "outcome": "applied", "reason_code": None, "detail": None}
    assert again["outcome"] == "repeat"
    (event,) = await sent(api, "onboarding.audit.session-api.v1")
    assert (type(event).__name__, event.by_user_id) == ("SessionApiDeadLetterReplayed", 9)


async def test_pages_of_dead_letters_follow_one_another(api: Api) -> None:
    await keep(api, 3)
    caller = operator(api)

    first = await caller.get(LETTERS, params={"limit": 2, "state": "kept"})
    second = await caller.get(first.headers["link"].partition("<")[2].partition(">")[0])

    assert [[letter["id"] for letter in page.json()] for page in (first, second)] == [[3, 2], [1]]
    assert "link" not in second.headers


@pytest.mark.parametrize(("action", "counted"), [("replay", "replayed"), ("discard", "discarded")])
async def test_a_group_is_handled_as_a_whole(api: Api, action: str, counted: str) -> None:
    await keep(api, 2)
    caller = operator(api)

    groups = (await caller.get(f"{LETTERS}/groups")).json()
    done = (await caller.post(f"{LETTERS}/groups/{action}", json=CAUSE)).json()

    assert [(group["count"], group["example_id"]) for group in groups] == [(2, 2)]
    expected: dict[str, Any] = {"replayed": 0, "rejected": 0, "discarded": 0, "skipped": 0, "remaining": 0}
    assert done == {**expected, counted: 2}
    assert (await caller.get(f"{LETTERS}/groups")).json() == []


async def test_what_cannot_be_done_says_why(api: Api) -> None:
    await keep(api, 2, stored=b"cut")
    caller = operator(api)
    await caller.post(f"{LETTERS}/2/discard")

    answers = [await caller.post(f"{LETTERS}/{letter}/replay") for letter in (1, 2, 3)]

    assert [code(answer) for answer in answers] == [
        (409, "DEAD_LETTER_NOT_REPLAYABLE"),
        (409, "DEAD_LETTER_HANDLED"),
        (404, "DEAD_LETTER_NOT_FOUND"),
    ]
