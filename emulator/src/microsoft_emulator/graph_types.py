"""The types of the objects that the emulator serves: property names, kinds and enumerations."""

from importlib.resources import files
from typing import Final

import msgspec


class GraphTypes(msgspec.Struct, frozen=True):
    """Type name to properties; the kind of a property is ``[]`` for a list, a name, and ``?`` if it may be null."""

    source: str
    version: str
    types: dict[str, dict[str, str]]
    enums: dict[str, tuple[str, ...]]


GRAPH_TYPES: Final = msgspec.json.decode(
    files("microsoft_emulator").joinpath("graph_types.json").read_bytes(), type=GraphTypes
)
