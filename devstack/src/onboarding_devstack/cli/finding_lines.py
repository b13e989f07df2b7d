"""Findings as lines of a terminal."""

from collections.abc import Iterable

from rich.console import Console

from onboarding_devstack.cli.finding import Finding


def print_findings(screen: Console, findings: Iterable[Finding]) -> None:
    """Print each finding, and below one that is bad the command that fixes it."""
    for finding in findings:
        screen.print("[good]ok  [/]" if finding.ok else "[fail]BAD [/]", end=" ")
        screen.print(f"{finding.name}: {finding.finding}", markup=False)
        if finding.remedy:
            screen.print(f"       fix: {finding.remedy}", markup=False)
