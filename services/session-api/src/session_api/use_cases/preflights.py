"""A look before a start: decided like a start, with what evidence-store knows, and without any write."""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from urllib.parse import urlencode

import msgspec
from sqlalchemy.ext.asyncio import AsyncConnection

from onboarding_shared.contracts.task_runner import TaskTypeDeclaration
from onboarding_shared.contracts.types import CheckStatus
from onboarding_shared.postgres.database import Database
from onboarding_shared.web.errors import DependencyDown
from session_api.clients.evidence_store import EvidenceStore
from session_api.domain.connections import NotUsable
from session_api.domain.preflight import (
    Finding,
    Knowledge,
    KnownEvidence,
    Unreadable,
    Would,
    evidence_needed,
    findings,
    would,
)
from session_api.domain.starting import Planned, Standing, Start, UnknownTaskType, plan
from session_api.store.starts import load_standing
from session_api.store.task_types import FRESH_SECONDS, list_task_types

LOOKED_AT = 50
"""Items of each task type: a tenant with several connections has evidence of each."""
UNREADABLE = "EVIDENCE_STORE_UNAVAILABLE"


@dataclass(frozen=True, slots=True)
class Preflight:
    """What a start would lead to, and everything that was looked at."""

    would: Would
    plan: Planned | NotUsable
    findings: list[Finding]


class _Item(msgspec.Struct, frozen=True):
    """An item of evidence, as evidence-store lists it."""

    task_type: str
    provider_connection_id: int | None
    status: CheckStatus
    reason_code: str | None
    recorded_at: datetime
    payload: dict[str, Any]


_items = msgspec.json.Decoder(list[_Item])


class Preflights:
    """The entrance for every look before a start."""

    def __init__(self, database: Database, evidence: EvidenceStore) -> None:
        self._database = database
        self._evidence = evidence

    async def look(self, start: Start, headers: Mapping[str, str]) -> Preflight | UnknownTaskType:
        """What ``start`` would lead to now. ``headers`` are the caller's, for evidence-store."""

        async def read(tx: AsyncConnection) -> tuple[Standing, list[TaskTypeDeclaration]]:
            return await load_standing(tx, [start.tenant_id]), await list_task_types(tx)

        standing, declared = await self._database.run(read)
        task_types = {one.name: one for one in declared}
        [planned] = plan([start], standing)
        task_type = task_types.get(start.task_type)  # None: withdrawn between the two reads
        if isinstance(planned, UnknownTaskType) or task_type is None:
            return UnknownTaskType(start.task_type, tuple(sorted(task_types)))
        knowledge = await self._know(start.tenant_id, evidence_needed(task_type), headers)

        def fresh_seconds(name: str) -> float:
            return task_types[name].fresh_seconds if name in task_types else FRESH_SECONDS

        found = findings(task_type, planned, knowledge, fresh_seconds, standing.now)
        return Preflight(would(planned), planned, found)

    async def _know(self, tenant_id: int, task_types: Sequence[str], headers: Mapping[str, str]) -> Knowledge:
        answers = await asyncio.gather(*(self._read(tenant_id, name, headers) for name in task_types))
        known: list[KnownEvidence] = []
        for answer in answers:
            if isinstance(answer, Unreadable):
                return answer
            known.extend(answer)
        return known

    async def _read(
        self, tenant_id: int, task_type: str, headers: Mapping[str, str]
    ) -> list[KnownEvidence] | Unreadable:
        query = urlencode({"taskType": task_type, "limit": LOOKED_AT})
        try:
            answer = await self._evidence.get(f"/tenants/{tenant_id}/onboarding/evidence", query, headers)
            if answer.status == 200:
                return [_known(item) for item in _items.decode(answer.body)]
        except (DependencyDown, msgspec.MsgspecError):
            return Unreadable(UNREADABLE)
        return Unreadable("PERMISSION_MISSING" if answer.status == 403 else UNREADABLE)


def _known(item: _Item) -> KnownEvidence:
    return KnownEvidence(
        task_type=item.task_type,
        connection_id=item.provider_connection_id,
        status=item.status,
        reason_code=item.reason_code,
        at=item.recorded_at,
        granted=_names(item.payload.get("granted")),
        missing=_names(item.payload.get("missing")),
    )


def _names(value: object) -> frozenset[str] | None:
    if not isinstance(value, list):
        return None
    return frozenset(one for one in value if isinstance(one, str))
