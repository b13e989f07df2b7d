"""Provider connections: validation, and the choice of the connection of a run."""

import re
from collections.abc import Collection
from dataclasses import dataclass
from enum import StrEnum

from onboarding_shared.contracts.credentials import CREDENTIAL_NAME_PATTERN
from onboarding_shared.contracts.types import GUID_PATTERN

_GUID = re.compile(GUID_PATTERN)
_CREDENTIAL_NAME = re.compile(CREDENTIAL_NAME_PATTERN)
_ENVIRONMENT_NAME = re.compile(r"env:[A-Za-z_][A-Za-z0-9_]{0,127}")
_ABSOLUTE_PATH = re.compile(r"file:/[^\x00-\x1f\x7f]{1,400}")

CREDENTIAL_RULE = (
    "credential_ref is the name of a credential that the operator has defined for the task runner, such as "
    "graph-main; the credential itself is never stored."
)
GUID_RULE = "a GUID such as 3f2504e0-4f89-41d3-9a0c-0305e82c3301"


class Provider(StrEnum):
    """The supported providers."""

    MICROSOFT_GRAPH = "microsoft_graph"


class Cloud(StrEnum):
    """The Microsoft cloud that hosts the customer's tenant."""

    PUBLIC = "public"
    US_GOV = "us_gov"
    US_DOD = "us_dod"
    CHINA = "china"


def is_guid(text: str) -> bool:
    """Return True if ``text`` is a GUID with hyphens and without braces."""
    return _GUID.fullmatch(text) is not None


def names_credential(text: str, *, references: bool) -> bool:
    """True if ``text`` is the name of a credential, or one of the old references where they are allowed.

    Any other text could be the credential itself.
    """
    return _CREDENTIAL_NAME.fullmatch(text) is not None or (references and is_credential_reference(text))


def is_credential_reference(text: str) -> bool:
    """True if ``text`` is an old reference to a credential: a variable or a file of the task runner."""
    if _ENVIRONMENT_NAME.fullmatch(text):
        return True
    return _ABSOLUTE_PATH.fullmatch(text) is not None and "/../" not in f"{text}/"


@dataclass(frozen=True, slots=True)
class Usable:
    """The run uses this connection; None = no connection."""

    connection_id: int | None


@dataclass(frozen=True, slots=True)
class NotUsable:
    """The connection is disabled, has no binding (``unbound``), or else is unknown."""

    connection_id: int
    disabled: bool
    unbound: bool = False


@dataclass(frozen=True, slots=True)
class NotChosen:
    """The tenant has several enabled connections and none of them was named or chosen for the session."""

    connection_ids: tuple[int, ...]


ConnectionRefusal = NotUsable | NotChosen


def choose_connection(
    wanted: int | None,
    of_session: int | None,
    enabled: Collection[int],
    disabled: Collection[int],
    unbound: Collection[int] = (),
) -> Usable | ConnectionRefusal:
    """The connection the caller named, else the open session's, else the tenant's only enabled one.

    ``unbound`` are enabled ones that no operator has bound, ``enabled`` the others. A tenant with neither gets
    ``Usable(None)``: the run reports that it has none.
    """
    chosen = of_session if wanted is None else wanted
    if chosen is not None:
        usable = chosen in enabled
        return Usable(chosen) if usable else NotUsable(chosen, chosen in disabled, unbound=chosen in unbound)
    if len(enabled) > 1:
        return NotChosen(tuple(sorted(enabled)))
    if unbound and not enabled:
        return NotUsable(min(unbound), disabled=False, unbound=True)
    return Usable(next(iter(enabled), None))
