"""The catalogue of reason codes: what each one means, and what to do about it."""

from collections.abc import Mapping
from importlib.resources import files
from types import MappingProxyType

import msgspec

from onboarding_shared.contracts.types import CheckStatus, ReasonCode


class Reason(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One reason code.

    ``status`` is the check status that it goes with, None where that depends on the task or there is none.
    ``retryable``: starting the task again later can help although nobody changed anything. ``link`` leads to a page
    about it, if there is one.
    """

    code: ReasonCode
    status: CheckStatus | None
    meaning: str
    retryable: bool
    remediation: str
    link: str | None


def _read() -> Mapping[str, Reason]:
    content = files("onboarding_shared.contracts").joinpath("reason_codes.json").read_bytes()
    return MappingProxyType({one.code: one for one in msgspec.json.decode(content, type=tuple[Reason, ...])})


REASONS: Mapping[str, Reason] = _read()
"""Every reason code of the product's own tasks and services; task packages of others add their own."""


def remediation_of(code: str | None) -> str | None:
    """What to do about a reason code; None where the catalogue does not have it."""
    reason = None if code is None else REASONS.get(code)
    return None if reason is None else reason.remediation
