"""The parameter ``scope`` of sign-ins: delegated permissions by resource, and the scopes of OpenID Connect."""

from collections.abc import Set
from typing import Final

import msgspec

from microsoft_emulator.app_roles import APP_ROLES
from microsoft_emulator.assertions import Refused

GRAPH: Final = "https://graph.microsoft.com"
"""The resource of a scope without a host."""
PARTNER_CENTER: Final = "https://api.partnercenter.microsoft.com"
PARTNER_CENTER_APP: Final = "fa3d9a0c-3fb0-42cc-9193-47c7ecd2edbd"
OPEN_ID: Final = frozenset({"openid", "profile", "email", "offline_access"})
DEFAULT: Final = ".default"
FOR_EVERYONE: Final = frozenset({"User.Read"})
"""The permissions that a person may grant for themselves; all others need an administrator."""
NAMES: Final = {PARTNER_CENTER: frozenset({"user_impersonation"})}
"""The permissions of resources other than Graph."""
_OF_GRAPH: Final = FOR_EVERYONE | APP_ROLES.app_roles.keys()


class Requested(msgspec.Struct, frozen=True):
    """The contents of a request's scope: scopes of OpenID Connect, and names of permissions by resource."""

    open_id: frozenset[str]
    by_resource: dict[str, frozenset[str]]

    def covers(self, other: "Requested") -> bool:
        """True if the other one asks for nothing more; ``.default`` covers every permission of its resource."""
        return other.open_id <= self.open_id and all(
            names <= self.by_resource.get(resource, frozenset()) or DEFAULT in self.by_resource.get(resource, ())
            for resource, names in other.by_resource.items()
        )


def read(text: str) -> Requested | Refused:
    """Read the parameter; or the reason to refuse it."""
    open_id, by_resource = set[str](), dict[str, frozenset[str]]()
    for scope in text.split():
        if scope in OPEN_ID:
            open_id.add(scope)
            continue
        resource, name = _parts(scope)
        if name != DEFAULT and name not in NAMES.get(resource, _OF_GRAPH):
            return "650053", f"The application asked for scope '{name}' that does not exist on '{resource}'."
        by_resource[resource] = by_resource.get(resource, frozenset()) | {name}
    for names in by_resource.values():
        if DEFAULT in names and len(names) > 1:
            return "70011", f"The scope {text} isn't valid: .default can't be combined with other permissions."
    return Requested(frozenset(open_id), by_resource)


def _parts(scope: str) -> tuple[str, str]:
    resource, slash, name = scope.rpartition("/")
    return (resource.rstrip("/"), name) if slash else (GRAPH, name)


def needs_administrator(names: Set[str]) -> bool:
    """True if a person without an administrative role may not grant these."""
    return not names <= FOR_EVERYONE
