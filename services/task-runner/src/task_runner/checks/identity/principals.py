"""The kinds of principals that can hold a role or belong to a group."""

from enum import StrEnum

from task_runner.providers.fields import Fields
from task_runner.tasks.context import TaskContext

_PARTNER = "#microsoft.graph.directoryobjectpartnerreference"


class Kind(StrEnum):
    """The kind of a principal. ``PARTNER``: of another organization; ``UNRESOLVED``: only its id is known."""

    USER = "user"
    APPLICATION = "application"
    GROUP = "group"
    PARTNER = "partner"
    EMPTY_GROUP = "group without members"
    UNRESOLVED = "unresolved"


_KINDS = {
    "#microsoft.graph.user": Kind.USER,
    "#microsoft.graph.serviceprincipal": Kind.APPLICATION,
    "#microsoft.graph.group": Kind.GROUP,
}


def kind_of(principal: Fields | None, context: TaskContext) -> Kind:
    """Return the kind of a directory object; None is one that Microsoft Graph does not return."""
    if principal is None:
        return Kind.UNRESOLVED
    type_name = principal.text("@odata.type").lower()
    if type_name == _PARTNER or _of_another_organization(principal, context):
        return Kind.PARTNER
    return _KINDS.get(type_name, Kind.UNRESOLVED)


def _of_another_organization(principal: Fields, context: TaskContext) -> bool:
    organization = principal.text_or_none("organizationId") if principal.has("organizationId") else None
    own = context.connection.external_tenant_id if context.connection else ""
    return organization is not None and organization.lower() != own.lower()
