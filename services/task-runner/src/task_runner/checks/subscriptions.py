"""The subscribed products (SKUs) of a tenant, and the editions of Microsoft Entra ID among them.

Source of the values: https://learn.microsoft.com/graph/api/resources/subscribedsku
"""

from collections.abc import Collection, Iterable, Sequence
from enum import StrEnum

import msgspec

from task_runner.checks.judging import NotJudged
from task_runner.checks.lists import PLANS
from task_runner.providers.fields import Fields
from task_runner.providers.graph_errors import RESPONSE_INVALID, UNAVAILABLE, GraphRefused
from task_runner.tasks.context import TaskContext
from task_runner.tasks.graph import SHARED
from task_runner.tasks.result import CannotTell, TaskFault

READ_ORGANIZATION = "Organization.Read.All"
SKUS = "/subscribedSkus"
PROVISIONED = "Success"


class Capability(StrEnum):
    """The state of a subscription. ``WARNING``: the term has ended, and for a time everything still works."""

    ENABLED = "Enabled"
    WARNING = "Warning"
    SUSPENDED = "Suspended"
    LOCKED_OUT = "LockedOut"
    DELETED = "Deleted"


class Sku(msgspec.Struct, frozen=True, kw_only=True):
    """One product; ``seats`` are the licences that can be used, also those of the grace period, ``consumed`` assigned.

    ``plans`` is service plan id to provisioning status. ``for_users``: it is assigned to users, and not to the tenant.
    """

    part_number: str
    capability: Capability
    seats: int = 0
    consumed: int = 0
    plans: dict[str, str] = {}
    for_users: bool = True

    @property
    def usable(self) -> bool:
        """True if its services work."""
        return self.capability in (Capability.ENABLED, Capability.WARNING)

    @property
    def in_grace(self) -> bool:
        """True if its term has ended, for all of its licences or for some of them."""
        return self.capability is Capability.WARNING

    @property
    def free(self) -> bool:
        """True for a free product that users take themselves."""
        return self.part_number.upper() in PLANS.self_service

    @property
    def overused(self) -> bool:
        """True if more licences are assigned than can be used."""
        return self.usable and self.for_users and self.consumed > self.seats

    def contains(self, plan: str) -> bool:
        """Return True if it contains the service plan, whether provisioned or not."""
        return plan in self.plans

    def provides(self, plan: str) -> bool:
        """Return True if the service plan works: the product is usable, and the plan is provisioned."""
        return self.usable and self.plans.get(plan) == PROVISIONED


class Skus(msgspec.Struct, frozen=True, kw_only=True):
    """The products of a tenant, and those that cannot be judged."""

    skus: tuple[Sku, ...] = ()
    not_judged: tuple[NotJudged, ...] = ()


async def read_skus(context: TaskContext) -> Skus:
    """Read the products of the customer's tenant. Raise ``CannotTell`` if they cannot be read."""
    return skus_of(await context.graph.list(SKUS, permission=READ_ORGANIZATION, max_age=SHARED))


def has_plan(skus: Sequence[Sku], plans: Collection[str]) -> bool:
    """Return True if one of the service plans works in the tenant."""
    return any(sku.provides(plan) for sku in skus for plan in plans)


async def may_have_plan(context: TaskContext, plans: Collection[str]) -> bool:
    """Return True if one of the plans works in the tenant, or if a product that cannot be judged may contain it."""
    products = await read_skus(context)
    return has_plan(products.skus, plans) or bool(products.not_judged)


async def confirm_unlicensed(context: TaskContext, refused: GraphRefused, plans: Collection[str]) -> None:
    """Raise a retryable ``TaskFault`` if the tenant has one of the plans that Microsoft Graph says are missing.

    Microsoft Graph answers so at times in licensed tenants as well.
    """
    if await may_have_plan(context, plans):
        message = f"{refused.message} The tenant has the licence for it, so the answer is taken as temporary."
        raise TaskFault(UNAVAILABLE, message, retryable=True, payload={**refused.payload, "applicable": True})


def skus_of(items: Iterable[object]) -> Skus:
    """Return the products of a response."""
    skus: list[Sku] = []
    not_judged: list[NotJudged] = []
    for index, item in enumerate(items):
        try:
            skus.append(_sku(Fields(item, f"subscribedSkus[{index}]")))
        except CannotTell as failure:
            not_judged.append(NotJudged.of(item, failure, "skuPartNumber"))
    return Skus(skus=tuple(skus), not_judged=tuple(not_judged))


def _sku(fields: Fields) -> Sku:
    part_number = fields.optional_text("skuPartNumber") or fields.optional_text("skuId") or "unnamed"
    if fields.text("capabilityStatus") == Capability.DELETED:
        return Sku(part_number=part_number, capability=Capability.DELETED)
    units = fields.at("prepaidUnits")
    return Sku(
        part_number=part_number,
        capability=_capability(fields.text("capabilityStatus")),
        seats=units.count_or_zero("enabled") + (units.count_or_zero("warning") if units.has("warning") else 0),
        consumed=fields.count_or_zero("consumedUnits"),
        plans={
            plan.text("servicePlanId").lower(): plan.text("provisioningStatus") for plan in fields.each("servicePlans")
        },
        for_users=not fields.has("appliesTo") or fields.text_or_none("appliesTo") != "Company",
    )


def _capability(value: str) -> Capability:
    try:
        return Capability(value)
    except ValueError:
        message = f"The subscription has the state {value}, which this version does not support."
        raise CannotTell(RESPONSE_INVALID, message) from None
