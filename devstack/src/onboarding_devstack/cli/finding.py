"""The finding of a check of `doctor`."""

from typing import Any, NamedTuple


class Finding(NamedTuple):
    """The result of a check; `remedy` says what fixes it, most often a command line; empty if the check passed."""

    name: str
    ok: bool
    finding: str
    remedy: str = ""

    def as_json(self) -> dict[str, Any]:
        """The object that `doctor --json` and `status --json` print."""
        return {"name": self.name, "ok": self.ok, "finding": self.finding, "mend": self.remedy}
