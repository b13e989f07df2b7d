"""The announcements of task types that are obeyed at once: those that open no gate."""

import msgspec

from onboarding_shared.contracts.task_runner import TaskTypeDeclaration


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
