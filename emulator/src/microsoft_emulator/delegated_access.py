"""The rights of a person's token in Graph: what the application was granted, and the person may do by themselves."""

from typing import Any

from microsoft_emulator.gdap_roles import GLOBAL_ADMINISTRATOR
from microsoft_emulator.routing import Route

GLOBAL_READER = "f2ef992c-3afb-46b9-b7cf-a126ee74c451"
PRIVILEGED_ROLE_ADMINISTRATOR = "e8611ab8-c189-46e8-94e1-60213ab1f814"
APPLICATION_ADMINISTRATOR = "9b895d92-2cd3-44c7-9d02-a6ac2d5ea5c3"
CLOUD_APPLICATION_ADMINISTRATOR = "158c047a-c907-4556-b7ef-446551a6b5f7"
GROUPS_ADMINISTRATOR = "fdd7a751-b60b-444a-984c-02652fe8fa1c"

_ANY_MEMBER_READS = ("/organization", "/users", "/groups", "/servicePrincipals", "/subscribedSkus", "/directoryRoles")
_WRITERS = {
    "appRoleAssignments": frozenset({PRIVILEGED_ROLE_ADMINISTRATOR}),
    "appRoleAssignedTo": frozenset({PRIVILEGED_ROLE_ADMINISTRATOR}),
    "servicePrincipals": frozenset({APPLICATION_ADMINISTRATOR, CLOUD_APPLICATION_ADMINISTRATOR}),
    "$ref": frozenset({GROUPS_ADMINISTRATOR}),
}
"""The roles that a change needs, by the last part of its path. Everything else needs a Global Administrator."""


def permits(route: Route, claims: dict[str, Any]) -> bool:
    """True if the scopes of the token and the roles of the person each permit the request."""
    return route.permits(frozenset(str(claims["scp"]).split())) and _person_may(route, claims)


def _person_may(route: Route, claims: dict[str, Any]) -> bool:
    roles = frozenset(claims.get("wids", ()))
    if GLOBAL_ADMINISTRATOR in roles:
        return True
    if route.method != "GET":
        return bool(roles & _WRITERS.get(route.path.rpartition("/")[2], frozenset()))
    if GLOBAL_READER in roles:
        return not route.path.startswith("/tenantRelationships")
    return claims.get("acct") == 0 and route.path.startswith(_ANY_MEMBER_READS)
