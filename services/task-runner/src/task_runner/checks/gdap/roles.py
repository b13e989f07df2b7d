"""``gdap.roles``: the directory roles of the relationship, compared with the required ones."""

from collections.abc import Mapping
from typing import Any

from task_runner.checks.gdap.reading import InvitationInputs, find_relationships
from task_runner.checks.gdap.relationships import (
    INVITATION_FROM,
    CustomerRelationships,
    in_force,
    payload_of,
    settled_for,
)
from task_runner.checks.lists import GdapRoles, expected_roles
from task_runner.tasks.context import TaskContext
from task_runner.tasks.declaration import task
from task_runner.tasks.graph import SHARED
from task_runner.tasks.result import Result


def decide(expected: GdapRoles, relationships: CustomerRelationships) -> Result:
    """Return the result for the roles of the active relationships together. Raise as ``in_force`` does.

    Roles with more rights count: Application Administrator contains Cloud Application Administrator, and Global
    Administrator every other one.
    """
    active = in_force(relationships)
    if isinstance(active, Result):
        return active
    granted = relationships.roles
    required = _missing(expected, expected.required, granted)
    optional = _missing(expected, expected.optional, granted)
    payload = {
        **payload_of(relationships),
        **_comparison(expected, granted),
        "missing": {"required": required, "optional": optional},
    }
    if required:
        message = f"Required roles are missing: {', '.join(required)}."
        return Result.fail("GDAP_REQUIRED_ROLES_MISSING", message, payload)
    if optional:
        message = f"All required roles are granted; optional roles are missing: {', '.join(optional)}."
        return Result.warn("GDAP_OPTIONAL_ROLES_MISSING", message, payload)
    return Result.ok("GDAP_ROLES_OK", "The relationship contains all required and optional roles.", payload)


def _missing(expected: GdapRoles, wanted: Mapping[str, str], granted: frozenset[str]) -> dict[str, str]:
    return {name: role for name, role in wanted.items() if not expected.has_rights_of(role, granted)}


def _comparison(expected: GdapRoles, granted: frozenset[str]) -> dict[str, Any]:
    names = expected.names
    return {
        "expected": {"version": expected.version, "required": expected.required, "optional": expected.optional},
        "granted": sorted(granted),
        "extra": sorted(granted - names.keys()),
    }


@task(
    "gdap.roles",
    step=2,
    required=False,
    inputs=InvitationInputs,
    inputs_from=INVITATION_FROM,
    title="The relationships contain the required roles",
)
async def gdap_roles(context: TaskContext) -> Result:
    """Reads the relationship with the customer, and compares its directory roles to the required and optional ones."""
    await context.progress(0, 1, "Reading the relationships with the customer")
    relationships = await find_relationships(context, max_age=SHARED)
    await context.progress(1, 1, "Done")
    expected = expected_roles(context.gdap.required_roles)
    return settled_for(relationships, lambda customer: decide(expected, customer))
