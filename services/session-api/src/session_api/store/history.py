"""The SQL of a session's history: its changes, and the starts and cancellations of its runs."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import msgspec
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from session_api.domain.history import HistoryAction

# Starts and cancellations are read from the rows of runs; a history row for each would cost every start a write.
_PAGE = text(f"""
SELECT json_agg(e)::text FROM (
    SELECT at, by_user_id, action, before, after, kind, id FROM (
        (SELECT at, by_user_id, action, before, after, 0 AS kind, id FROM session_history
         WHERE tenant_id = :tenant AND session_id = :session AND (at, 0, id) < (:at, :kind, :id)
         ORDER BY at DESC, id DESC LIMIT :limit)
        UNION ALL
        (SELECT created_at, requested_by_user_id, '{HistoryAction.RUN_STARTED}', NULL,
                jsonb_build_object('run_id', id, 'task_type', task_type), 1, id FROM operation_runs
         WHERE tenant_id = :tenant AND session_id = :session AND (created_at, 1, id) < (:at, :kind, :id)
         ORDER BY created_at DESC, id DESC LIMIT :limit)
        UNION ALL
        (SELECT cancel_requested_at, cancel_requested_by_user_id, '{HistoryAction.RUN_CANCEL_REQUESTED}', NULL,
                jsonb_build_object('run_id', id, 'task_type', task_type), 2, id FROM operation_runs
         WHERE tenant_id = :tenant AND session_id = :session AND cancel_requested_at IS NOT NULL
           AND (cancel_requested_at, 2, id) < (:at, :kind, :id)
         ORDER BY cancel_requested_at DESC, id DESC LIMIT :limit)
    ) entries
    ORDER BY at DESC, kind DESC, id DESC LIMIT :limit
) e
""")  # noqa: S608 - no input, only constants


@dataclass(frozen=True, slots=True)
class HistoryLine:
    """One change: time, user, action, values before and after. ``kind`` and ``id`` make the order of lines total."""

    at: datetime
    by_user_id: int
    action: str
    before: Mapping[str, Any] | None
    after: Mapping[str, Any] | None
    kind: int
    id: int


LinePosition = tuple[datetime, int, int]
"""Time, kind and id of a history line."""

_decoder = msgspec.json.Decoder(list[HistoryLine])


async def read_history(
    tx: AsyncConnection, tenant_id: int, session_id: int, *, before: LinePosition, limit: int
) -> list[HistoryLine]:
    """Return up to ``limit`` lines before a position, newest first."""
    at, kind, line_id = before
    rows = await tx.execute(
        _PAGE, {"tenant": tenant_id, "session": session_id, "at": at, "kind": kind, "id": line_id, "limit": limit}
    )
    lines = rows.scalar_one()
    return [] if lines is None else _decoder.decode(lines)
