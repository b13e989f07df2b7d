"""``gdap.relationship``: has the customer given us delegated administration, and for how long?"""

from datetime import datetime, timedelta

from task_runner.checks.gdap.relationships import (
    CustomerRelationships,
    Relationship,
    find_relationships,
    in_force,
    payload_of,
)
from task_runner.checks.lists import ADMIN_ROLES
from task_runner.tasks.context import TaskContext
from task_runner.tasks.declaration import task
from task_runner.tasks.result import Result

SOON = timedelta(days=30)
"""Our threshold: a relationship that ends sooner should be renewed."""
JUST_NOW = timedelta(minutes=15)
AUTO_EXTENDS = "P180D"
"""The only duration by which Microsoft extends a relationship by itself; P0D and PT0S mean that it does not."""

MOST_SERIOUS_FIRST = ("GDAP_MLT_READ_ONLY", "GDAP_EXPIRING", "GDAP_HAS_GLOBAL_ADMIN", "GDAP_RECENTLY_ACTIVATED")


def decide(relationships: CustomerRelationships) -> Result:
    """The result for the relationships with a customer. Raises ``Wait`` and ``CannotTell`` as ``in_force`` does."""
    relationship = in_force(relationships)
    if isinstance(relationship, Result):
        return relationship
    warnings = _warnings(relationship, relationships.at)
    payload = {**payload_of(relationships), "warnings": [code for code in MOST_SERIOUS_FIRST if code in warnings]}
    for code in MOST_SERIOUS_FIRST:
        if code in warnings:
            return Result.warn(code, warnings[code], payload)
    return Result.ok(
        "GDAP_ACTIVE", f"The relationship “{relationship.name}” is active until {_day(relationship)}.", payload
    )


def _warnings(relationship: Relationship, now: datetime) -> dict[str, str]:
    """The warnings, as reason code to message."""
    warnings: dict[str, str] = {}
    if relationship.by_microsoft:
        message = (
            f"“{relationship.name}” is a relationship that Microsoft made for the transition: it only allows reading."
        )
        warnings["GDAP_MLT_READ_ONLY"] = message
    if ADMIN_ROLES.global_administrator in relationship.roles:
        message = f"“{relationship.name}” contains Global Administrator, so Microsoft does not extend it by itself."
        warnings["GDAP_HAS_GLOBAL_ADMIN"] = message
    if relationship.ends is None or relationship.ends - now <= _needed(relationship):
        extended = "" if relationship.auto_extend == AUTO_EXTENDS else " and is not extended by itself"
        warnings["GDAP_EXPIRING"] = f"“{relationship.name}” ends on {_day(relationship)}{extended}."
    if relationship.activated is None or now - relationship.activated < JUST_NOW:
        message = f"“{relationship.name}” was activated less than {JUST_NOW.seconds // 60} minutes ago."
        warnings["GDAP_RECENTLY_ACTIVATED"] = f"{message} It may not work everywhere yet."
    return warnings


def _needed(relationship: Relationship) -> timedelta:
    """The minimum remaining time without a warning; zero for a relationship that is extended automatically."""
    return timedelta(0) if relationship.auto_extend == AUTO_EXTENDS else SOON


def _day(relationship: Relationship) -> str:
    return "an unknown day" if relationship.ends is None else f"{relationship.ends:%Y-%m-%d}"


@task(
    "gdap.relationship",
    step=1,
    title="The customer has given us delegated administration",
)
async def gdap_relationship(context: TaskContext) -> Result:
    """Reads the delegated admin relationships with the customer in our own tenant and judges the best of them."""
    await context.progress(0, 1, "Reading the relationships with the customer")
    relationships = await find_relationships(context)
    await context.progress(1, 1, "Done")
    return decide(relationships)
