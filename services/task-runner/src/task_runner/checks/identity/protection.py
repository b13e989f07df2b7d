"""Reads security defaults and Conditional Access policies."""

from task_runner.checks.identity.conditional_access import READ_POLICIES
from task_runner.providers.fields import Fields
from task_runner.providers.graph_errors import NOT_LICENSED, GraphRefused
from task_runner.tasks.context import TaskContext
from task_runner.tasks.graph import SHARED
from task_runner.tasks.result import CannotTell

DEFAULTS = "/policies/identitySecurityDefaultsEnforcementPolicy"
POLICIES = "/identity/conditionalAccess/policies"


async def read_security_defaults(context: TaskContext) -> bool:
    """Return True if security defaults are enabled. Raise ``CannotTell`` if they cannot be read."""
    body = await context.graph.get(DEFAULTS, permission=READ_POLICIES, max_age=SHARED)
    return Fields(body, "securityDefaults").flag("isEnabled")


async def read_policies(context: TaskContext) -> tuple[Fields, ...]:
    """Return all Conditional Access policies. Raise ``CannotTell`` if they cannot be read, or without a P1 licence."""
    items = await context.graph.list(POLICIES, permission=READ_POLICIES, max_age=SHARED)
    return tuple(Fields(item, f"policies[{index}]") for index, item in enumerate(items))


async def read_policies_without_defaults(context: TaskContext) -> tuple[Fields, ...]:
    """Return all policies of a tenant without security defaults, which a ``NOT_LICENSED`` error mentions."""
    try:
        return await read_policies(context)
    except GraphRefused as refused:
        if refused.reason_code != NOT_LICENSED:
            raise
        message = f"Security defaults are disabled. {refused.message}"
        payload = {**refused.payload, "security_defaults_enabled": False}
        raise CannotTell(NOT_LICENSED, message, payload) from None
