"""The announcements of task types: which are obeyed at once, because they open no gate, and what cannot be run."""

from collections.abc import Mapping

import msgspec

from onboarding_shared.contracts.task_runner import TaskTypeDeclaration, TaskTypesAnnounced


def without_relaxation(announced: TaskTypeDeclaration, known: TaskTypeDeclaration) -> TaskTypeDeclaration:
    """Return the announcement of a required task type, without what would let a session pass more easily.

    It stays required, comes in no later step, and its evidence counts no longer than before.
    """
    return msgspec.structs.replace(
        announced,
        required=True,
        step=min(announced.step, known.step),
        fresh_seconds=min(announced.fresh_seconds, known.fresh_seconds),
    )


def unusable_task_types(stored: Mapping[str, str], latest: TaskTypesAnnounced | None) -> frozenset[str]:
    """Return the names of the stored task types that the runner of the latest announcement has, but cannot run.

    ``stored`` are name and distribution of each.

    A task type is one of them if it was named, or if it was not announced and is of a distribution with a problem that
    names no task type. Without an announcement nothing is known.
    """
    if latest is None:
        return frozenset()
    usable = {declaration.name for declaration in latest.task_types}
    named = {name for unusable in latest.unusable for name in unusable.task_types}
    packages = {each.distribution for each in latest.unusable if each.distribution and not each.task_types}
    return frozenset(
        name
        for name, distribution in stored.items()
        if name not in usable and (name in named or distribution in packages)
    )
