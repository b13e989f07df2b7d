"""Adds to every payload where its values came from, so that no task author has to remember it."""

import hashlib
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import msgspec

from onboarding_shared.contracts.task_runner import TaskTypeDeclaration
from task_runner.tasks.payload import json_safe

if TYPE_CHECKING:
    from task_runner.tasks.context import TaskContext


def with_provenance(
    payload: Mapping[str, Any], declaration: TaskTypeDeclaration, context: "TaskContext"
) -> dict[str, Any]:
    """The payload with a member ``provenance``: tenant, checker and version, payload hash, and every response read.

    ``payload_sha256`` is taken over the payload without ``provenance``, as compact JSON with sorted keys.
    """
    own = {key: value for key, value in payload.items() if key != "provenance"}
    provenance: dict[str, Any] = {
        "external_tenant_id": context.connection.external_tenant_id if context.connection else None,
        "checker": declaration.name,
        "checker_version": declaration.version,
        "payload_sha256": payload_hash(own),
    }
    if context.graph_used is not None:
        provenance.update(context.graph_used.record.as_payload())
    return json_safe({**own, "provenance": provenance})


def payload_hash(payload: Mapping[str, Any]) -> str:
    """Lower-case hexadecimal SHA-256 of the payload as compact JSON with sorted keys."""
    return hashlib.sha256(msgspec.json.encode(payload, order="sorted")).hexdigest()
