"""The claims of our own form of token: a user id, tenants and permissions. Pure."""

from collections.abc import Mapping
from typing import Annotated, Any, Literal

from msgspec import Meta, Struct

from onboarding_shared.contracts.permissions import MAX_PERMISSIONS, MAX_TENANTS, Permissions
from onboarding_shared.contracts.types import MAX_ID, Id
from onboarding_shared.web.granted import (
    FIRST_DERIVED_ID,
    LAST_DERIVED_ID,
    Granted,
    Person,
    TokenRefused,
    display_name,
)

TenantText = Annotated[str, Meta(pattern=r"^[1-9][0-9]{0,18}\Z")]
Permission = Annotated[str, Meta(max_length=200)]
PermissionsByTenant = Annotated[
    dict[TenantText, Annotated[list[Permission], Meta(max_length=MAX_PERMISSIONS)]], Meta(max_length=MAX_TENANTS)
]


class Claims(Struct, frozen=True):
    """The claims a token of ours must carry; others are ignored.

    ``tenants`` is a list of tenants, or ``all``, in each of which ``permissions`` hold, or the permissions of each
    tenant.
    """

    iss: str
    aud: str | list[str]
    exp: float
    nbf: float
    sub: Annotated[str, Meta(pattern=r"^[1-9][0-9]{0,18}\Z")]
    iat: float | None = None
    tenants: Literal["all"] | list[Id] | PermissionsByTenant = []
    permissions: list[Permission] = []
    name: Any = None

    def granted(self) -> Granted:
        """The subject of the token, and its permissions. Raises ``TokenRefused``."""
        user_id = int(self.sub)
        if user_id > MAX_ID:
            raise TokenRefused("its subject (sub) is not a user id")
        if FIRST_DERIVED_ID <= user_id <= LAST_DERIVED_ID:
            raise TokenRefused("its subject (sub) is of the ids that are made for users of an identity provider")
        return Granted(
            person=Person(user_id, self.iss, self.sub, display_name(self.name), is_derived=False),
            permissions=self._by_tenant(),
            everywhere=frozenset(self.permissions) & _OF_TENANTS if self.tenants == "all" else frozenset(),
            operates_platform=Permissions.PLATFORM in self.permissions,
        )

    def _by_tenant(self) -> Mapping[int, frozenset[str]]:
        if isinstance(self.tenants, str):
            return {}
        if isinstance(self.tenants, list):
            return dict.fromkeys(self.tenants, frozenset(self.permissions))
        if self.permissions:
            raise TokenRefused("it has permissions of each tenant (tenants) and of all (permissions)")
        if any(int(tenant) > MAX_ID for tenant in self.tenants):
            raise TokenRefused("one of its tenants is not a tenant id")
        return {int(tenant): frozenset(permissions) for tenant, permissions in self.tenants.items()}


_OF_TENANTS = frozenset(Permissions.ALL)
