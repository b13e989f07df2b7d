"""The application permissions of Microsoft Graph that the emulator supports."""

from importlib.resources import files
from typing import Final

import msgspec


class AppRoles(msgspec.Struct, frozen=True):
    """Permission names with their published ids, and those granted in a healthy tenant and in the partner's tenant."""

    source: str
    resource_app_id: str
    granted_when_healthy: tuple[str, ...]
    granted_in_partner: tuple[str, ...]
    app_roles: dict[str, str]


APP_ROLES: Final = msgspec.json.decode(
    files("microsoft_emulator").joinpath("app_roles.json").read_bytes(), type=AppRoles
)
NAMES: Final = {role_id: name for name, role_id in APP_ROLES.app_roles.items()}
"""Permission name by id."""
