"""The finding of a check of `doctor`."""

from typing import NamedTuple


class Finding(NamedTuple):
    """The result of a check; `remedy` is a command line, empty if the check passed."""

    name: str
    ok: bool
    finding: str
    remedy: str = ""
