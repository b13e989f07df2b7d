"""Tenants of recorded shape, by name: what a customer's directory looks like when it is fit, and when it is not."""

import uuid
from collections.abc import Mapping
from importlib.resources import files
from typing import Final

import msgspec

from microsoft_emulator.behaviour import Control
from microsoft_emulator.directory import EMERGENCY
from microsoft_emulator.tenants import Tenant


class Recorded(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One shape: what it is, and the control request that gives a tenant this shape."""

    about: str
    control: Control


def _read_all() -> Mapping[str, Recorded]:
    found = sorted(files("microsoft_emulator").joinpath("recorded").iterdir(), key=lambda one: one.name)
    decode = msgspec.json.Decoder(Recorded).decode
    return {one.name.removesuffix(".json"): decode(one.read_bytes()) for one in found if one.name.endswith(".json")}


RECORDED: Final = _read_all()


def guid_of(name: str) -> str:
    """The customer's tenant id of a recorded tenant: always the same one."""
    return str(uuid.uuid5(uuid.NAMESPACE_DNS, f"{name}.recorded.onboarding.localhost"))


EMERGENCY_ACCESS: Final[Mapping[str, tuple[str, ...]]] = {
    guid: (Tenant(guid).id_of(f"user/{EMERGENCY}"),) for guid in map(guid_of, RECORDED)
}
"""The emergency access account of each recorded tenant, for the runner to be told of."""
