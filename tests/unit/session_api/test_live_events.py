"""The event that a stream has for each message."""

import json
from datetime import UTC, datetime
from typing import Any

import pytest

from onboarding_shared.contracts.catalogue import MESSAGES
from onboarding_shared.contracts.cloudevents import Received
from onboarding_shared.contracts.evidence_store import EvidenceRecorded
from onboarding_shared.contracts.message import Message
from onboarding_shared.contracts.session_api import (
    CancelTask,
    SessionAbandoned,
    SessionLockChanged,
    SessionMessage,
    SessionStepChanged,
)
from onboarding_shared.contracts.task_runner import Progress, RunFinished, RunProgressed, RunStarted
from onboarding_shared.contracts.topics import SESSIONS
from onboarding_shared.contracts.types import CheckStatus, RunState
from session_api.domain.live_events import _CHANGES, ReloadReason, data_of, event_of, frame, heartbeat, reload_frame

AT = datetime(2026, 11, 24, 9, 30, tzinfo=UTC)
TIME = "2026-11-24T09:30:00.000000Z"
RUN = {"tenant_id": 42, "run_id": 17, "task_type": "license.inventory", "attempt": 2}
NOTHING = dict.fromkeys(
    ("progress", "status", "reason_code", "message", "resume_at", "started_at", "finished_at"), None
)


def received(message: Message, time: str = TIME) -> Received:
    return Received(
        message=message,
        topic=message.topic.name,
        tenant_id=message.tenant_id,
        sequence=5,
        message_id="m",
        source="s",
        time=time,
    )


def told(message: Message) -> tuple[str, dict[str, Any]]:
    """The type of the event, and its members beside those of every event."""
    event = event_of(received(message))
    assert event is not None
    data = json.loads(data_of(received(message), *event))
    common = {name: data.pop(name) for name in ("type", "tenant_id", "time", "sequence", "subject")}
    assert common == {
        "type": event[0], "tenant_id": 42, "time": TIME, "sequence": 5, "subject": message.subject,
    }  # fmt: skip
    return event[0], data


def test_a_started_run_is_told_as_running() -> None:
    expected = {"run_id": 17, "task_type": "license.inventory", "state": "running", "attempt": 2}

    assert told(RunStarted(**RUN, started_at=AT)) == (
        "run",
        {**NOTHING, **expected, "started_at": "2026-11-24T09:30:00Z"},
    )


def test_a_waiting_run_is_told_with_its_progress() -> None:
    message = RunProgressed(
        **RUN, state=RunState.WAITING, progress=Progress(done=2, total=5), reason_code="CONSENT_PENDING", resume_at=AT
    )

    _, data = told(message)

    assert (data["state"], data["reason_code"], data["resume_at"]) == (
        "waiting",
        "CONSENT_PENDING",
        "2026-11-24T09:30:00Z",
    )
    assert data["progress"] == {"done": 2, "total": 5, "message": None}


@pytest.mark.parametrize(("state", "status"), [(RunState.SUCCEEDED, "warn"), (RunState.CANCELLED, None)])
def test_a_finished_run_is_told_with_its_result(state: RunState, status: str | None) -> None:
    message = RunFinished(
        **RUN, state=state, status=CheckStatus.WARN, reason_code="FEW_SEATS", payload={"secret": 1}, finished_at=AT
    )

    _, data = told(message)

    assert (data["state"], data["status"], data["reason_code"]) == (state, status, "FEW_SEATS")
    assert data["finished_at"] == "2026-11-24T09:30:00Z"
    assert "payload" not in data


def test_an_edit_lock_is_told_with_holder_and_end() -> None:
    message = SessionLockChanged(tenant_id=42, session_id=3, by_user_id=7, locked_by_user_id=8, locked_until=AT)

    assert told(message) == (
        "lock", {"session_id": 3, "by_user_id": 7, "locked_by_user_id": 8, "locked_until": "2026-11-24T09:30:00Z"},
    )  # fmt: skip


def test_a_session_is_told_with_its_change() -> None:
    message = SessionStepChanged(tenant_id=42, session_id=3, by_user_id=7, from_step=1, to_step=2)

    assert told(message) == (
        "session", {"session_id": 3, "change": "step_changed", "by_user_id": 7, "from_step": 1, "to_step": 2},
    )  # fmt: skip


def test_recorded_evidence_is_told_without_its_seal() -> None:
    message = EvidenceRecorded(
        tenant_id=42, evidence_id=9, run_id=17, task_type="license.inventory", status=CheckStatus.OK,
        reason_code="ENOUGH_SEATS", position=4, seal="0" * 64, recorded_at=AT,
    )  # fmt: skip

    assert told(message) == (
        "evidence",
        {
            "evidence_id": 9, "run_id": 17, "task_type": "license.inventory", "status": "ok",
            "reason_code": "ENOUGH_SEATS", "position": 4, "recorded_at": "2026-11-24T09:30:00Z",
        },
    )  # fmt: skip


def test_every_message_about_sessions_has_an_event() -> None:
    assert {*_CHANGES, SessionLockChanged} == {*MESSAGES[SESSIONS]}
    assert all(issubclass(message, SessionMessage) for message in _CHANGES)


def test_commands_are_not_told() -> None:
    assert event_of(received(CancelTask(tenant_id=42, run_id=1, requested_by=7, requested_at=AT))) is None


def test_text_of_a_message_stays_on_one_line() -> None:
    message = SessionAbandoned(tenant_id=42, session_id=3, by_user_id=7, reason="a\nevent: run\n\nb")
    event = event_of(received(message, time="2026\n\nid: x"))
    assert event is not None

    lines = frame(event[0], data_of(received(message, time="2026\n\nid: x"), *event), "AQ").split(b"\n")

    assert lines[:2] == [b"id: AQ", b"event: session"]
    assert lines[2].startswith(b"data: {")
    assert lines[3:] == [b"", b""]


def test_a_long_time_is_cut_off() -> None:
    message = RunStarted(**RUN, started_at=AT)
    event = event_of(received(message))
    assert event is not None

    assert len(json.loads(data_of(received(message, time="9" * 100_000), *event))["time"]) == 40


def test_a_reload_says_why() -> None:
    assert reload_frame(ReloadReason.POSITION_TOO_OLD, "AQ") == (
        b'id: AQ\nevent: reload\ndata: {"type":"reload","reason":"position_too_old"}\n\n'
    )


def test_a_heartbeat_is_a_comment_with_the_position() -> None:
    assert heartbeat("AQ") == b": heartbeat\nid: AQ\n\n"
    assert heartbeat(None) == b": heartbeat\n\n"
