"""`task check`: finds what is wrong with a package of tasks before anybody installs it."""

import json
import sys
from typing import Annotated

from cyclopts import Parameter

from onboarding_devstack.cli.exits import Exit
from onboarding_devstack.cli.options import Json


def check(
    package: Annotated[str, Parameter(help="Its folder, or the name of an installed distribution.")] = ".",
    *,
    as_json: Json = False,
) -> Exit:
    """Import a package of tasks, and print all problems of it, each with a next step.

    It checks entry points, declarations, task types, inputs, settings, and the reason codes and messages in the source.
    """
    from onboarding_devstack.cli.screen import err, out
    from onboarding_devstack.cli.task.package import find_package
    from onboarding_devstack.cli.task.problems import check_package
    from task_runner.tasks.settings import variables_of

    chosen = find_package(package)
    checked = check_package(chosen)
    if as_json:
        print(json.dumps([problem._asdict() for problem in checked.problems], indent=2))
    else:
        for problem in checked.problems:
            out().print(f"{problem.where}: {problem.problem}", markup=False, soft_wrap=True)
            out().print(f"  next: {problem.next}", markup=False, soft_wrap=True)
    sys.stdout.flush()
    tasks, problems = len(checked.tasks), len(checked.problems)
    told = f"{problems} problem{'' if problems == 1 else 's'}" if problems else "no problem"
    err().print(f"{chosen.name}: {tasks} task{'' if tasks == 1 else 's'}, {told}", markup=False)
    for task in checked.tasks:
        for variable in variables_of(task.name, task.settings).values():
            err().print(f"{task.name} reads {variable}", markup=False)
    return Exit.FAILED if checked.problems else Exit.OK
