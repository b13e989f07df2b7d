"""The application permissions of Microsoft Graph that the emulator supports."""

from importlib.resources import files
from typing import Final

import msgspec


class AppRoles(msgspec.Struct, frozen=True):
    """Permission names with their published ids.

    ``required_by_default`` is what a registration asks every customer for, ``partner_side`` what the checks of the
    partner's tenant need there.
    """

    source: str
    resource_app_id: str
    required_by_default: tuple[str, ...]
    partner_side: tuple[str, ...]
    app_roles: dict[str, str]


APP_ROLES: Final = msgspec.json.decode(
    files("microsoft_emulator").joinpath("app_roles.json").read_bytes(), type=AppRoles
)
NAMES: Final = {role_id: name for name, role_id in APP_ROLES.app_roles.items()}
"""Permission name by id."""


def unknown_names(names: tuple[str, ...]) -> list[str]:
    """Those of ``names`` that are no permission of Microsoft Graph known here."""
    return sorted(set(names) - set(APP_ROLES.app_roles))
