"""The catalogue of reason codes: their meaning and the remedy."""

from collections.abc import Mapping
from importlib.resources import files
from types import MappingProxyType

import msgspec

from onboarding_shared.contracts.types import CheckStatus, ReasonCode


class Reason(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A reason code.

    ``status`` is the associated check status, None if that depends on the task or there is none. ``retryable``: a
    later run may succeed without a change in the tenant. ``link`` is the address of a page about it, if any.
    """

    code: ReasonCode
    status: CheckStatus | None
    meaning: str
    retryable: bool
    remediation: str
    link: str | None


def _read() -> Mapping[str, Reason]:
    content = files("onboarding_shared.contracts").joinpath("reason_codes.json").read_bytes()
    return MappingProxyType({reason.code: reason for reason in msgspec.json.decode(content, type=tuple[Reason, ...])})


REASONS: Mapping[str, Reason] = _read()
"""The reason codes of the product's tasks and services; third-party task packages add their own."""


def remediation_of(code: str | None, reasons: Mapping[str, Reason] = REASONS) -> str | None:
    """The remedy for a reason code; None if ``reasons`` do not contain the code."""
    reason = None if code is None else reasons.get(code)
    return None if reason is None else reason.remediation
