"""The directory roles of a healthy relationship, each of which has a group in the partner's tenant."""

from importlib.resources import files
from typing import Final

import msgspec

from microsoft_emulator.ids import PARTNER_TENANT, stable_id


class _Roles(msgspec.Struct, frozen=True):
    source: str
    roles: dict[str, str]


ROLES: Final = msgspec.json.decode(
    files("microsoft_emulator").joinpath("gdap_roles.json").read_bytes(), type=_Roles
).roles
"""Role template id by name."""
NAMES: Final = {role: name for name, role in ROLES.items()}
GLOBAL_ADMINISTRATOR = "62e90394-69f5-4237-9190-012177145e10"


def group_of(role_name: str) -> str:
    """The id of the partner's security group for a role."""
    return stable_id(PARTNER_TENANT, f"group/{role_name}")
