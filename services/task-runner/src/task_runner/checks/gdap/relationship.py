"""``gdap.relationship``: has the customer given us delegated administration, and for how long?"""

from datetime import datetime, timedelta

from task_runner.checks.gdap.relationships import Found, Relationship, find_relationships, in_force, payload_of
from task_runner.checks.lists import ADMIN_ROLES
from task_runner.tasks.context import TaskContext
from task_runner.tasks.declaration import task
from task_runner.tasks.result import Result

SOON = timedelta(days=30)
"""Our threshold: a relationship that ends sooner should be renewed."""
JUST_NOW = timedelta(minutes=15)
EXTENDS_ITSELF = "P180D"
"""The only duration by which Microsoft extends a relationship by itself; P0D and PT0S mean that it does not."""

MOST_SERIOUS_FIRST = ("GDAP_MLT_READ_ONLY", "GDAP_EXPIRING", "GDAP_HAS_GLOBAL_ADMIN", "GDAP_RECENTLY_ACTIVATED")


def decide(found: Found) -> Result:
    """The result for the relationships with a customer. Raises ``Wait`` and ``CannotTell`` as ``in_force`` does."""
    standing = in_force(found)
    if isinstance(standing, Result):
        return standing
    warnings = _warnings(standing, found.at)
    payload = {**payload_of(found), "warnings": [code for code in MOST_SERIOUS_FIRST if code in warnings]}
    for code in MOST_SERIOUS_FIRST:
        if code in warnings:
            return Result.warn(code, warnings[code], payload)
    return Result.ok("GDAP_ACTIVE", f"The relationship “{standing.name}” is active until {_day(standing)}.", payload)


def _warnings(one: Relationship, now: datetime) -> dict[str, str]:
    """Reason code to message, for everything that somebody should look at."""
    warnings: dict[str, str] = {}
    if one.by_microsoft:
        message = f"“{one.name}” is a relationship that Microsoft made for the transition: it only allows reading."
        warnings["GDAP_MLT_READ_ONLY"] = message
    if ADMIN_ROLES.global_administrator in one.roles:
        message = f"“{one.name}” contains Global Administrator, so Microsoft does not extend it by itself."
        warnings["GDAP_HAS_GLOBAL_ADMIN"] = message
    if one.ends is None or one.ends - now <= _needed(one):
        extended = "" if one.auto_extend == EXTENDS_ITSELF else " and is not extended by itself"
        warnings["GDAP_EXPIRING"] = f"“{one.name}” ends on {_day(one)}{extended}."
    if one.activated is None or now - one.activated < JUST_NOW:
        message = f"“{one.name}” was activated less than {JUST_NOW.seconds // 60} minutes ago."
        warnings["GDAP_RECENTLY_ACTIVATED"] = f"{message} It may not work everywhere yet."
    return warnings


def _needed(one: Relationship) -> timedelta:
    """How much longer it must last to be good; one that extends itself only has to be running."""
    return timedelta(0) if one.auto_extend == EXTENDS_ITSELF else SOON


def _day(one: Relationship) -> str:
    return "an unknown day" if one.ends is None else f"{one.ends:%Y-%m-%d}"


@task(
    "gdap.relationship",
    step=1,
    title="The customer has given us delegated administration",
)
async def gdap_relationship(context: TaskContext) -> Result:
    """Reads the delegated admin relationships with the customer in our own tenant and judges the best of them."""
    await context.progress(0, 1, "Reading the relationships with the customer")
    found = await find_relationships(context)
    await context.progress(1, 1, "Done")
    return decide(found)
