"""Inputs that a run offers to later ones: they fill what a start omits."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from onboarding_shared.contracts.inputs import inputs_defect


@dataclass(frozen=True, slots=True)
class Offer:
    """The inputs that the latest run of a task type offered for one connection, in one session or outside of all."""

    tenant_id: int
    task_type: str
    connection_id: int | None
    session_id: int | None
    inputs: dict[str, Any]


def usable_offer(offered: object) -> dict[str, Any] | None:
    """The offer of a message; None if there is none, or if it breaks the bounds of inputs."""
    if not isinstance(offered, dict) or not offered:
        return None
    return None if inputs_defect(offered) is not None else offered


def filled(
    inputs: Mapping[str, Any] | None, inputs_from: Mapping[str, str], offers: Iterable[Offer]
) -> Mapping[str, Any] | None:
    """The inputs of a start, with offered values for those of ``inputs_from`` (name → task type) that it omits."""
    given = inputs or {}
    by_task = {offer.task_type: offer.inputs for offer in offers}
    added = {
        name: by_task[task_type][name]
        for name, task_type in inputs_from.items()
        if name not in given and name in by_task.get(task_type, {})
    }
    return {**given, **added} if added else inputs
