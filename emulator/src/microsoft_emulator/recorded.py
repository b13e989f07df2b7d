"""Recorded tenants by name: directories of customers that pass or fail the checks."""

import uuid
from collections.abc import Mapping
from importlib.resources import files
from typing import Any, Final

import msgspec

from microsoft_emulator.behaviour import Control
from microsoft_emulator.directory import EMERGENCY
from microsoft_emulator.tenants import Tenant


class Recorded(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A recorded tenant: its description, and the control request that creates it."""

    about: str
    control: Control


def _read_all() -> Mapping[str, Recorded]:
    entries = sorted(files("microsoft_emulator").joinpath("recorded").iterdir(), key=lambda entry: entry.name)
    decode = msgspec.json.Decoder(Recorded).decode
    return {
        entry.name.removesuffix(".json"): decode(entry.read_bytes())
        for entry in entries
        if entry.name.endswith(".json")
    }


RECORDED: Final = _read_all()


def guid_of(name: str) -> str:
    """The tenant id of a recorded tenant, derived from its name."""
    return str(uuid.uuid5(uuid.NAMESPACE_DNS, f"{name}.recorded.onboarding.localhost"))


def control_request(name: str, *consented: str) -> dict[str, Any]:
    """The body of the control request that creates a recorded tenant, with consent to these applications."""
    control, usual = RECORDED[name].control, Control()
    changed = {field for field in control.__struct_fields__ if getattr(control, field) != getattr(usual, field)}
    body = {field: value for field, value in msgspec.to_builtins(control).items() if field in changed}
    return {**body, "consented": list(consented)}


EMERGENCY_ACCESS: Final[Mapping[str, tuple[str, ...]]] = {
    guid: (Tenant(guid).id_of(f"user/{EMERGENCY}"),) for guid in map(guid_of, RECORDED)
}
"""The emergency access account of each recorded tenant, for the settings of the runner."""
