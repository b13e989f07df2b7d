"""Options that several commands share."""

from pathlib import Path
from typing import Annotated, Literal

from cyclopts import Parameter

Data = Annotated[
    Path | None,
    Parameter(
        name="--data",
        help="Data folder of the embedded system. Default: ONBOARDING_HOME, else .onboarding in a checkout, "
        "else the user's data folder.",
    ),
]
Json = Annotated[bool, Parameter(name="--json", negative="", help="Print JSON.")]
ProcessName = Literal["session-api", "task-runner", "evidence-store", "graph", "broker", "postgres"]
