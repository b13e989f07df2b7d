"""The output at the end of the demo: evidence, remedies and next commands."""

from rich.console import Console
from rich.markup import escape
from rich.table import Table

from onboarding_devstack.cli.demo.run import Outcome


def print_evidence(screen: Console, outcome: Outcome, tenant: int) -> None:
    """Print the evidence as a table, then the result of the chain verification."""
    table = Table("evidence", "task", "status", "reason code", "run", "seal", box=None, pad_edge=False)
    for item in outcome.evidence:
        status = str(item["status"])
        run = str(item["operation_run_id"])
        seal = str(item.get("seal") or "")[:16]
        table.add_row(
            str(item["id"]), item["task_type"], f"[{status}]{status}[/]", escape(item["reason_code"] or ""), run, seal
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
    """Print the remedy for each task that is not ok."""
    table = Table("task", "status", "reason code", "what to do", box=None, pad_edge=False)
    for task in outcome.tasks:
        if task["task_type"] in outcome.verdicts and task["status"] != "ok":
            status, remedy = str(task["status"]), str(task.get("remediation") or task.get("message") or "")
            table.add_row(task["task_type"], f"[{status}]{status}[/]", task["reason_code"] or "", escape(remedy))
    if table.row_count:
        screen.print("\nWhat to do\n", markup=False)
        screen.print(table)


def next_steps(url: str, tenant: int, token: str, start_again: str | None) -> list[str]:
    """Commands to copy; `token` is the command that prints a token, `start_again` the one that starts the system."""
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
        f"  the web application: {url}/app/ (on this machine choose a person to sign in)",
        f"  the API's own pages: {url}/docs",
    ]
