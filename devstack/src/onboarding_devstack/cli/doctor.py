"""`doctor`: checks for problems and prints the commands that fix them."""

import json
from typing import TYPE_CHECKING, Any

from onboarding_devstack.cli.exits import Exit
from onboarding_devstack.cli.options import Data, Json

if TYPE_CHECKING:
    from onboarding_devstack.cli.finding import Finding


def doctor(*, as_json: Json = False, data: Data = None) -> Exit:
    """Check this machine and the system on it. Prints each problem with the command that fixes it."""
    from onboarding_devstack.cli.checks import examine
    from onboarding_devstack.cli.screen import out

    findings = examine(data)
    if as_json:
        print(json.dumps([_as_json(finding) for finding in findings], indent=2))
    else:
        screen = out()
        for finding in findings:
            mark = "[good]ok  [/]" if finding.ok else "[fail]BAD [/]"
            screen.print(mark, end=" ")
            screen.print(f"{finding.name}: {finding.finding}", markup=False)
            if finding.remedy:
                screen.print(f"       fix: {finding.remedy}", markup=False)
    return Exit.OK if all(finding.ok for finding in findings) else Exit.FAILED


def _as_json(finding: "Finding") -> dict[str, Any]:
    return {"name": finding.name, "ok": finding.ok, "finding": finding.finding, "mend": finding.remedy}
