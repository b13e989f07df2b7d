"""Preflights: decide a start and check its prerequisites, without any write."""

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
from session_api.clients.evidence_store import EvidenceStoreClient
from session_api.domain.connections import ConnectionRefusal
from session_api.domain.inputs import DryRunNotSupported, InputsInvalid, InputsNotAccepted, InputsRefusal
from session_api.domain.preflight import (
    Knowledge,
    KnownEvidence,
    Prediction,
    PreflightCheck,
    Unreadable,
    evidence_needed,
    findings,
    predict,
)
from session_api.domain.quotas import Quotas, TooManyRuns
from session_api.domain.starting import Planned, Start, StartContext, UnknownTaskType, plan
from session_api.store.starts import load_start_context
from session_api.store.task_types import FRESH_SECONDS, list_task_types
from session_api.use_cases.inputs import check_inputs

MAX_ITEMS = 50
"""Maximum items of evidence read per task type; a tenant has items of each of its connections."""
UNREADABLE = "EVIDENCE_STORE_UNAVAILABLE"


@dataclass(frozen=True, slots=True)
class Preflight:
    """The predicted outcome of a start, and its prerequisites."""

    prediction: Prediction
    plan: Planned | ConnectionRefusal
    findings: list[PreflightCheck]


LookAnswer = Preflight | UnknownTaskType | InputsRefusal | TooManyRuns


class _Item(msgspec.Struct, frozen=True):
    """An item of evidence in a response of evidence-store."""

    task_type: str
    provider_connection_id: int | None
    status: CheckStatus
    reason_code: str | None
    recorded_at: datetime
    payload: dict[str, Any]


_items = msgspec.json.Decoder(list[_Item])


class Preflights:
    """Runs preflights of starts."""

    def __init__(self, database: Database, evidence: EvidenceStoreClient, *, quotas: Quotas) -> None:
        self._database = database
        self._evidence = evidence
        self._quotas = quotas

    async def look(self, start: Start, headers: Mapping[str, str]) -> LookAnswer:
        """Predict the outcome of ``start``. ``headers`` are the caller's, for evidence-store."""

        async def read(tx: AsyncConnection) -> tuple[StartContext, list[TaskTypeDeclaration]]:
            context = await load_start_context(tx, [start])
            return context, await list_task_types(tx)

        context, declared = await self._database.run(read)
        task_types = {declaration.name: declaration for declaration in declared}
        [planned] = plan([start], context, check_inputs, self._quotas)
        task_type = task_types.get(start.task_type)  # None: withdrawn between the two reads
        if isinstance(planned, UnknownTaskType) or task_type is None:
            return UnknownTaskType(start.task_type, tuple(sorted(task_types)))
        if isinstance(planned, InputsInvalid | InputsNotAccepted | DryRunNotSupported | TooManyRuns):
            return planned
        knowledge = await self._read_all(start.tenant_id, evidence_needed(task_type), headers)

        def fresh_seconds(name: str) -> float:
            return task_types[name].fresh_seconds if name in task_types else FRESH_SECONDS

        checks = findings(task_type, planned, knowledge, fresh_seconds, context.now)
        return Preflight(predict(planned), planned, checks)

    async def _read_all(self, tenant_id: int, task_types: Sequence[str], headers: Mapping[str, str]) -> Knowledge:
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
        query = urlencode({"taskType": task_type, "limit": MAX_ITEMS})
        try:
            answer = await self._evidence.get(f"/tenants/{tenant_id}/onboarding/evidence", query, headers)
            if answer.status == 200:
                return [_known(item) for item in _items.decode(answer.body) if not item.payload.get("dry_run")]
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
    return frozenset(name for name in value if isinstance(name, str))
