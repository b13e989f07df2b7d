"""The published ids that the checks use. Each list is a JSON file that names its source."""

import hashlib
from collections.abc import Collection, Mapping
from importlib.resources import files
from typing import Final

import msgspec


class AppManifest(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The application permissions that onboarding asks a customer for: name to published app role id.

    ``allowed_scopes`` are delegated permissions on the same resource that a registration may have besides.
    """

    source: str
    version: str
    resource_app_id: str
    app_roles: dict[str, str]
    allowed_scopes: tuple[str, ...] = ()

    @property
    def sha256(self) -> str:
        """Lower-case hexadecimal SHA-256 of the permissions, independent of their order."""
        return hashlib.sha256(msgspec.json.encode(self.app_roles, order="sorted")).hexdigest()


class LicencePlans(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The service plans that contain Microsoft Entra ID P1, P2 and Microsoft Entra ID Governance.

    ``self_service`` are the part numbers of free products that users take themselves.
    """

    source: str
    premium_p1: str
    premium_p2: str
    governance: str
    self_service_source: str
    self_service: frozenset[str]

    @property
    def premium(self) -> tuple[str, str]:
        """The plans with Conditional Access."""
        return self.premium_p1, self.premium_p2

    @property
    def privileged_identity(self) -> tuple[str, str]:
        """The plans with Privileged Identity Management."""
        return self.premium_p2, self.governance


class AdminRoles(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Role template ids of directory roles.

    ``administrators`` is name to id of the roles for which Microsoft recommends to require MFA. ``synchronization`` are
    the roles of the accounts of directory synchronization, which Microsoft excludes from MFA.
    """

    source: str
    global_administrator: str
    administrators_source: str
    administrators: dict[str, str]
    synchronization_source: str
    synchronization: dict[str, str]


class GdapRoles(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The directory roles that a relationship should contain: name to role template id.

    ``group_prefix``, a space and the role's name form the conventional name of the security group of a role.
    ``contained_in`` is role template id to those of the roles that have all of its rights and more.
    """

    source: str
    version: str
    group_prefix: str
    required: dict[str, str]
    optional: dict[str, str]
    contained_source: str = ""
    contained_in: dict[str, tuple[str, ...]] = {}

    def has_rights_of(self, role: str, granted: Collection[str]) -> bool:
        """Return True if the granted roles contain the role, or one with all of its rights."""
        containing = (role, *self.contained_in.get(role, ()), ADMIN_ROLES.global_administrator)
        return any(candidate in granted for candidate in containing)

    @property
    def names(self) -> dict[str, str]:
        """Role template id to name, of the required and the optional roles."""
        return {role: name for name, role in (*self.required.items(), *self.optional.items())}


def expected_roles(required: Mapping[str, str]) -> "GdapRoles":
    """Return the roles that an operator requires, name to role template id; without any, those of the list."""
    if not required:
        return GDAP_ROLES
    ids = set(required.values())
    optional = {name: role for name, role in GDAP_ROLES.optional.items() if role not in ids}
    return msgspec.structs.replace(GDAP_ROLES, required=dict(required), optional=optional)


def _content(name: str) -> bytes:
    return files("task_runner.checks").joinpath(name).read_bytes()


MANIFEST: Final = msgspec.json.decode(_content("app_manifest.json"), type=AppManifest)
PLANS: Final = msgspec.json.decode(_content("licence_plans.json"), type=LicencePlans)
GDAP_ROLES: Final = msgspec.json.decode(_content("gdap_roles.json"), type=GdapRoles)
ADMIN_ROLES: Final = msgspec.json.decode(_content("admin_roles.json"), type=AdminRoles)
