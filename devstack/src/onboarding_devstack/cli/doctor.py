"""`doctor`: checks for problems and prints the commands that fix them."""

import json

from onboarding_devstack.cli.exits import Exit
from onboarding_devstack.cli.finding import Finding
from onboarding_devstack.cli.operate.deployment import HERE, Deployment


def doctor(*, to: Deployment = HERE) -> Exit:
    """Check this machine and the system on it, or with --address another deployment.

    Prints each problem with what fixes it.
    """
    from onboarding_devstack.cli.checks import examine
    from onboarding_devstack.cli.finding_lines import print_findings
    from onboarding_devstack.cli.screen import out

    findings = _examine_deployment(to) if to.address else examine(to.data)
    if to.as_json:
        print(json.dumps([finding.as_json() for finding in findings], indent=2))
    else:
        print_findings(out(), findings)
    return Exit.OK if all(finding.ok for finding in findings) else Exit.FAILED


def _examine_deployment(to: Deployment) -> list[Finding]:
    from onboarding_devstack.cli.operate.client import client_of
    from onboarding_devstack.cli.operate.deployment_checks import examine_deployment

    with client_of(to) as client:
        return examine_deployment(client)
