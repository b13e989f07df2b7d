"""The published ids that the checks compare with; each list is one JSON file with its source."""

import hashlib
from importlib.resources import files
from typing import Final

import msgspec


class AppManifest(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The application permissions that onboarding asks a customer for: name to published app role id."""

    source: str
    version: str
    resource_app_id: str
    app_roles: dict[str, str]

    @property
    def sha256(self) -> str:
        """Lower-case hexadecimal SHA-256 of the permissions, independent of their order."""
        return hashlib.sha256(msgspec.json.encode(self.app_roles, order="sorted")).hexdigest()


class LicencePlans(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The service plans that contain Microsoft Entra ID P1 and P2."""

    source: str
    premium_p1: str
    premium_p2: str


class AdminRoles(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Role template ids of directory roles."""

    source: str
    global_administrator: str


def _content(name: str) -> bytes:
    return files("task_runner.tasks").joinpath(name).read_bytes()


MANIFEST: Final = msgspec.json.decode(_content("app_manifest.json"), type=AppManifest)
PLANS: Final = msgspec.json.decode(_content("licence_plans.json"), type=LicencePlans)
ADMIN_ROLES: Final = msgspec.json.decode(_content("admin_roles.json"), type=AdminRoles)
