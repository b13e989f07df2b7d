"""Events of streams: what a client is told of each message of the services."""

from datetime import datetime
from enum import StrEnum
from typing import Any

import msgspec

from onboarding_shared.contracts.cloudevents import Received
from onboarding_shared.contracts.evidence_store import EvidenceRecorded
from onboarding_shared.contracts.message import Message
from onboarding_shared.contracts.session_api import (
    ConsentAnswered,
    ConsentRequested,
    SessionAbandoned,
    SessionAssigned,
    SessionCompleted,
    SessionConnectionChosen,
    SessionLockChanged,
    SessionMessage,
    SessionStarted,
    SessionStepChanged,
    SessionTakenOver,
)
from onboarding_shared.contracts.task_runner import RunFinished, RunProgressed, RunStarted, TaskTypesAnnounced
from onboarding_shared.contracts.types import RunState

_LONGEST_TIME = 40
_CHANGES: dict[type[Message], str] = {
    SessionStarted: "started",
    SessionStepChanged: "step_changed",
    SessionAssigned: "assigned",
    SessionConnectionChosen: "connection_chosen",
    SessionTakenOver: "taken_over",
    SessionCompleted: "completed",
    SessionAbandoned: "abandoned",
    ConsentRequested: "consent_requested",
    ConsentAnswered: "consent_answered",
}


class EventType(StrEnum):
    """The type of an event."""

    SESSION = "session"
    LOCK = "lock"
    RUN = "run"
    EVIDENCE = "evidence"
    CATALOGUE = "catalogue"
    RELOAD = "reload"


class ReloadReason(StrEnum):
    """Why a stream cannot be resumed: its client reads the present state from the API."""

    POSITION_UNKNOWN = "position_unknown"
    """The id is not one of a stream."""
    POSITION_TOO_OLD = "position_too_old"
    """More has happened since than is kept."""
    LOG_REPLACED = "log_replaced"
    """Kafka has lost what the id counts."""


_encoder = msgspec.json.Encoder()


def event_of(received: Received) -> tuple[EventType, dict[str, Any]] | None:
    """Return the type of the event and its own members; None for a message that is not told."""
    message = received.message
    match message:
        case SessionLockChanged():
            return EventType.LOCK, _members(message)
        case SessionMessage():
            return EventType.SESSION, {"change": _CHANGES[type(message)], **_members(message)}
        case RunStarted() | RunProgressed() | RunFinished():
            return EventType.RUN, _run(message)
        case EvidenceRecorded():
            return EventType.EVIDENCE, _members(message, "seal")
        case TaskTypesAnnounced():
            return EventType.CATALOGUE, {}
        case _:
            return None


def data_of(received: Received, event_type: EventType, members: dict[str, Any]) -> bytes:
    """Return the JSON of an event, in one line."""
    common = {
        "type": event_type,
        "tenant_id": received.tenant_id,
        "time": received.time[:_LONGEST_TIME],
        "sequence": received.sequence,
        "subject": received.message.subject,
    }
    return _encoder.encode(common | members)


def frame(event_type: EventType, data: bytes, event_id: str | None) -> bytes:
    """Return the lines of an event. ``event_id`` is that from which a client resumes after it."""
    return _id_line(event_id) + b"event: %b\ndata: %b\n\n" % (event_type.value.encode(), data)


def reload_frame(reason: ReloadReason, event_id: str | None) -> bytes:
    """Return the event that asks a client to read the present state."""
    return frame(EventType.RELOAD, _encoder.encode({"type": EventType.RELOAD, "reason": reason}), event_id)


def heartbeat(event_id: str | None) -> bytes:
    """Return a comment that keeps a stream open, and moves its position on."""
    return b": heartbeat\n" + _id_line(event_id) + b"\n"


def _id_line(event_id: str | None) -> bytes:
    return b"" if event_id is None else b"id: %b\n" % event_id.encode()


def _members(message: Message, *omitted: str) -> dict[str, Any]:
    return {
        name: value
        for name, value in msgspec.structs.asdict(message).items()
        if name != "tenant_id" and name not in omitted
    }


def _run(message: RunStarted | RunProgressed | RunFinished) -> dict[str, Any]:
    """All members of a run's event; those that the message does not have are null."""
    state = RunState.RUNNING if isinstance(message, RunStarted) else message.state
    finished = message if isinstance(message, RunFinished) else None
    progressed = message if isinstance(message, RunProgressed) else None
    told = None if isinstance(message, RunStarted) else message
    started_at: datetime | None = message.started_at
    return {
        "run_id": message.run_id,
        "task_type": message.task_type,
        "state": state,
        "attempt": message.attempt,
        "progress": None if progressed is None else progressed.progress,
        "status": None if finished is None or state is RunState.CANCELLED else finished.status,
        "reason_code": None if told is None else told.reason_code,
        "message": None if told is None else told.message,
        "resume_at": None if progressed is None else progressed.resume_at,
        "started_at": started_at,
        "finished_at": None if finished is None else finished.finished_at,
    }
