"""`doctor`: what is wrong, and the exact command that mends it."""

import json

from onboarding_devstack.cli.exits import Exit
from onboarding_devstack.cli.options import Data, Json


def doctor(*, as_json: Json = False, data: Data = None) -> Exit:
    """Check this machine and the system on it. Each check says ok, or what is wrong and the command that mends it."""
    from onboarding_devstack.cli.checks import examine
    from onboarding_devstack.cli.screen import out

    found = examine(data)
    if as_json:
        print(json.dumps([each._asdict() for each in found], indent=2))
    else:
        screen = out()
        for each in found:
            mark = "[good]ok  [/]" if each.ok else "[fail]BAD [/]"
            screen.print(mark, end=" ")
            screen.print(f"{each.name}: {each.finding}", markup=False)
            if each.mend:
                screen.print(f"       mend it: {each.mend}", markup=False)
    return Exit.OK if all(each.ok for each in found) else Exit.FAILED
