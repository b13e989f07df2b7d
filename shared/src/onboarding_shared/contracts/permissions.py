"""The permissions of callers, and the roles of an identity provider that give them."""

from typing import Annotated, Literal

from msgspec import Meta, Struct

from onboarding_shared.contracts.types import Id


class Permissions:
    """The permissions that a token may give: in each of its tenants its own, or the same in all."""

    READ = "onboarding.read"
    WRITE = "onboarding.write"
    TAKEOVER = "onboarding.takeover"
    RUN = "onboarding.run"
    CONNECTIONS = "onboarding.connections"
    PLATFORM = "onboarding.platform"
    """Not of a tenant: it binds tenants. The claim ``permissions`` of the token has it."""
    ALL = (READ, WRITE, TAKEOVER, RUN, CONNECTIONS)


ALL_TENANTS = "all"
MAX_ROLES = 500
MAX_TENANTS = 1000
MAX_PERMISSIONS = 50

PermissionName = Literal[
    "onboarding.read",
    "onboarding.write",
    "onboarding.takeover",
    "onboarding.run",
    "onboarding.connections",
    "onboarding.platform",
]


class Role(Struct, frozen=True, forbid_unknown_fields=True):
    """The grant of one value of a token: permissions in the token's own tenants, in all tenants, or in these."""

    permissions: Annotated[tuple[PermissionName, ...], Meta(max_length=MAX_PERMISSIONS)]
    tenants: Literal["all"] | Annotated[tuple[Id, ...], Meta(min_length=1, max_length=MAX_TENANTS)] | None = None


Roles = Annotated[dict[Annotated[str, Meta(min_length=1, max_length=200)], Role], Meta(max_length=MAX_ROLES)]
