"""``gdap.relationship``: the delegated admin relationship with the customer, and its end."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

from task_runner.checks.gdap.reading import InvitationInputs, find_relationships
from task_runner.checks.gdap.relationships import (
    INVITATION_FROM,
    CustomerRelationships,
    Relationship,
    in_force,
    payload_of,
    settled_for,
)
from task_runner.checks.lists import ADMIN_ROLES
from task_runner.tasks.context import TaskContext
from task_runner.tasks.declaration import task
from task_runner.tasks.graph import SHARED
from task_runner.tasks.result import Result

EXPIRES_SOON = timedelta(days=30)
"""Threshold of this product: a relationship that ends sooner should be renewed."""
ACTIVATED_RECENTLY = timedelta(minutes=15)
AUTO_EXTEND = "P180D"
"""The value of ``autoExtendDuration`` if auto extend is enabled; P0D and PT0S = disabled."""

MOST_SERIOUS_FIRST = ("GDAP_MLT_READ_ONLY", "GDAP_EXPIRING", "GDAP_HAS_GLOBAL_ADMIN", "GDAP_RECENTLY_ACTIVATED")


def decide(relationships: CustomerRelationships) -> Result:
    """The result for the relationships with a customer. Raises ``Wait`` and ``CannotTell`` as ``in_force`` does."""
    active = in_force(relationships)
    if isinstance(active, Result):
        return active
    warnings = _warnings(active, relationships.at)
    payload = {**payload_of(relationships), "warnings": [code for code in MOST_SERIOUS_FIRST if code in warnings]}
    for code in MOST_SERIOUS_FIRST:
        if code in warnings:
            return Result.warn(code, warnings[code], payload)
    return Result.ok("GDAP_ACTIVE", f"{_name(active)} active until {_day(max(active, key=_end))}.", payload)


def _name(active: Sequence[Relationship]) -> str:
    first = f"The relationship “{active[0].name}”"
    return f"{first} is" if len(active) == 1 else f"{first} and {len(active) - 1} more are"


def _end(relationship: Relationship) -> datetime:
    return relationship.ends or datetime.max.replace(tzinfo=UTC)


def _warnings(active: Sequence[Relationship], now: datetime) -> dict[str, str]:
    """The warnings about the relationships together, as reason code to message."""
    lasting = {role for relationship in active if not _ends_soon(relationship, now) for role in relationship.roles}
    warnings: dict[str, str] = {}
    for relationship in active:
        for code, message in _warnings_of(relationship, now, lasting).items():
            warnings.setdefault(code, message)
    return warnings


def _warnings_of(relationship: Relationship, now: datetime, lasting: set[str]) -> dict[str, str]:
    """The warnings about one relationship; ``lasting`` are the roles that another one gives for longer."""
    warnings: dict[str, str] = {}
    if relationship.by_microsoft:
        message = f"“{relationship.name}” was created by the Microsoft-led transition and allows read access only."
        warnings["GDAP_MLT_READ_ONLY"] = message
    if ADMIN_ROLES.global_administrator in relationship.roles:
        message = f"“{relationship.name}” contains the Global Administrator role, so it cannot be auto extended."
        warnings["GDAP_HAS_GLOBAL_ADMIN"] = message
    if _ends_soon(relationship, now) and not (relationship.roles and lasting.issuperset(relationship.roles)):
        extended = "" if relationship.auto_extend == AUTO_EXTEND else " and is not extended by itself"
        warnings["GDAP_EXPIRING"] = f"“{relationship.name}” ends on {_day(relationship)}{extended}."
    if relationship.activated is None or now - relationship.activated < ACTIVATED_RECENTLY:
        message = f"“{relationship.name}” was activated less than {ACTIVATED_RECENTLY.seconds // 60} minutes ago."
        warnings["GDAP_RECENTLY_ACTIVATED"] = f"{message} It may not be effective in all services yet."
    return warnings


def _ends_soon(relationship: Relationship, now: datetime) -> bool:
    return relationship.ends is None or relationship.ends - now <= _needed(relationship)


def _needed(relationship: Relationship) -> timedelta:
    """Return the minimum remaining time without a warning; zero if the relationship is auto extended."""
    return timedelta(0) if relationship.auto_extend == AUTO_EXTEND else EXPIRES_SOON


def _day(relationship: Relationship) -> str:
    return "an unknown date" if relationship.ends is None else f"{relationship.ends:%Y-%m-%d}"


@task(
    "gdap.relationship",
    step=1,
    required=False,
    inputs=InvitationInputs,
    inputs_from=INVITATION_FROM,
    title="A delegated admin relationship (GDAP) is active",
)
async def gdap_relationship(context: TaskContext) -> Result:
    """Reads the delegated admin relationships with the customer in the partner tenant, which count together."""
    await context.progress(0, 1, "Reading the relationships with the customer")
    relationships = await find_relationships(context, max_age=SHARED)
    await context.progress(1, 1, "Done")
    return settled_for(relationships, decide)
