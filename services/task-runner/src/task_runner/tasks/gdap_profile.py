"""The operator's choices for granular delegated admin privileges (GDAP), the same for every customer."""

from collections.abc import Mapping

import msgspec


class GdapProfile(msgspec.Struct, frozen=True, kw_only=True):
    """The roles that a relationship must have, and how invitations are made.

    ``required_roles`` are directory roles, name to role template id; none = those of the list.
    ``service_account`` is the object id of the partner's user that must be in the mapped groups, None = not checked.
    """

    required_roles: Mapping[str, str] = {}
    duration_days: int = 730
    auto_extend: bool = True
    service_account: str | None = None


NO_GDAP_CHOICES = GdapProfile()
