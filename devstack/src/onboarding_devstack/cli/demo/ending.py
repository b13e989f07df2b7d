"""The end of the story: the evidence, its seal, and what to try next."""

from rich.console import Console
from rich.markup import escape
from rich.table import Table

from onboarding_devstack.cli.demo.story import Outcome


def print_evidence(screen: Console, outcome: Outcome, tenant: int) -> None:
    """The evidence as a table, then the verdict on its chain."""
    table = Table("evidence", "task", "status", "reason code", "run", "seal", box=None, pad_edge=False)
    for one in outcome.evidence:
        status = str(one["status"])
        run = str(one["operation_run_id"])
        seal = str(one.get("seal") or "")[:16]
        table.add_row(
            str(one["id"]), one["task_type"], f"[{status}]{status}[/]", escape(one["reason_code"] or ""), run, seal
        )
    screen.print(f"\nEvidence of tenant {tenant}\n", markup=False)
    screen.print(table)
    checked = outcome.verification
    if checked.get("verified"):
        length, head = checked["length"], str(checked["head"])[:16]
        screen.print(f"\nThe chain of evidence is whole: {length} items, the last seal is {head}….", markup=False)
    else:
        screen.print(f"\nThe chain of evidence is BROKEN: {checked.get('break')}", markup=False)


def print_remedies(screen: Console, outcome: Outcome) -> None:
    """What to do about each task that is not ok."""
    table = Table("task", "status", "reason code", "what to do", box=None, pad_edge=False)
    for one in outcome.tasks:
        if one["task_type"] in outcome.verdicts and one["status"] != "ok":
            status, remedy = str(one["status"]), str(one.get("remediation") or one.get("message") or "")
            table.add_row(one["task_type"], f"[{status}]{status}[/]", one["reason_code"] or "", escape(remedy))
    if table.row_count:
        screen.print("\nWhat to do\n", markup=False)
        screen.print(table)


def next_steps(url: str, tenant: int, token: str, start_again: str | None) -> list[str]:
    """Commands to copy; `token` is the command that prints one, `start_again` brings a stopped system back."""
    base = f"{url}/tenants/{tenant}/onboarding"
    authorization = '-H "Authorization: Bearer $TOKEN"'
    start = [f"  {start_again}   # the same addresses and data"] if start_again else []
    return [
        "",
        "Try next:",
        *start,
        f"  TOKEN=$({token})",
        f"  curl {authorization} {base}/tasks",
        f"  curl {authorization} -X POST {base}/tasks/graph.connectivity/runs",
        f"  curl {authorization} '{base}/evidence?taskType=app.consent'",
        f"  curl {authorization} {base}/evidence/verification",
        f"  the API's own pages: {url}/schema",
    ]
