"""Adds the provenance of the values to every payload."""

import hashlib
from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import msgspec

from onboarding_shared.contracts.task_runner import TaskTypeDeclaration
from onboarding_shared.telemetry.known_secrets import KNOWN, hide_known_in
from task_runner.domain.execution import DRY_RUN
from task_runner.tasks.fitting import fitted
from task_runner.tasks.payload import json_safe

if TYPE_CHECKING:
    from task_runner.tasks.context import TaskContext

MAX_PAYLOAD_BYTES = 256 * 1024
"""Maximum size of a payload as JSON, provenance included."""
_SEAM = len(',"provenance":')


def _now() -> datetime:
    return datetime.now(UTC)


def with_provenance(
    payload: Mapping[str, Any],
    declaration: TaskTypeDeclaration,
    context: "TaskContext",
    now: Callable[[], datetime] = _now,
) -> dict[str, Any]:
    """Return the payload, truncated to 256 KiB, with a member ``provenance``: source, time and rules of its values.

    ``collected_at`` is when the first response came, or now where nothing was read; the evidence counts until
    ``expires_at``. ``payload_sha256`` is taken over the payload as it is kept without ``provenance``, as compact JSON
    with sorted keys. The payload of a dry run has ``dry_run: true``. Raises ``PayloadError`` for a payload that is not
    JSON.
    """
    record = context.record
    collected_at = (record.first_at if record is not None else None) or now()
    provenance: dict[str, Any] = {
        "external_tenant_id": context.connection.external_tenant_id if context.connection else None,
        "checker": declaration.name,
        "checker_version": declaration.version,
        "collected_at": msgspec.to_builtins(collected_at),
        "expires_at": msgspec.to_builtins(_later(collected_at, declaration.fresh_seconds)),
        "payload_sha256": "0" * 64,
    }
    if record is not None:
        provenance.update(record.as_payload())
    provenance = json_safe(provenance)
    own = json_safe({key: value for key, value in payload.items() if key not in ("provenance", DRY_RUN)})
    if KNOWN:
        own, provenance = hide_known_in(own), hide_known_in(provenance)
    if context.dry_run:
        own = {DRY_RUN: True, **own}
    own = fitted(own, MAX_PAYLOAD_BYTES - len(msgspec.json.encode(provenance)) - _SEAM)
    provenance["payload_sha256"] = payload_hash(own)
    return {**own, "provenance": provenance}


def _later(moment: datetime, seconds: float) -> datetime:
    try:
        return moment + timedelta(seconds=seconds)
    except OverflowError:
        return datetime.max.replace(tzinfo=UTC)


def payload_hash(payload: Mapping[str, Any]) -> str:
    """Return the lower-case hexadecimal SHA-256 of the payload, as compact JSON with sorted keys."""
    return hashlib.sha256(msgspec.json.encode(payload, order="sorted")).hexdigest()
