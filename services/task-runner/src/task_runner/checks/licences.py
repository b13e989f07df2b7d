"""``license.inventory``: the licences of the tenant, and Microsoft Entra ID P1 or P2 among them."""

from typing import Any

import msgspec

from task_runner.checks.lists import PLANS, LicencePlans
from task_runner.providers.fields import Fields
from task_runner.tasks.context import TaskContext
from task_runner.tasks.declaration import task
from task_runner.tasks.graph import SHARED
from task_runner.tasks.result import Result

READ_ORGANIZATION = "Organization.Read.All"
ENABLED = "Enabled"
MAX_SKUS = 200


class Sku(msgspec.Struct, frozen=True, kw_only=True):
    """One subscribed product (SKU): its capability status, its licences, and its service plans."""

    part_number: str
    capability_status: str
    enabled: int
    consumed: int
    plans: frozenset[str]


def decide(plans: LicencePlans, skus: tuple[Sku, ...]) -> Result:
    """Return the result for the tenant's products."""
    payload = _payload(plans, skus)
    usable = [sku for sku in skus if sku.capability_status == ENABLED]
    if not usable:
        return Result.fail("LICENSE_NONE", "The tenant has no enabled subscription.", payload)
    overused = [sku.part_number for sku in usable if sku.consumed > sku.enabled]
    if overused:
        return Result.warn(
            "LICENSE_OVERUSED", f"More licences assigned than purchased: {', '.join(overused)}.", payload
        )
    if _holders(usable, plans.premium_p2):
        return Result.ok("LICENSE_P2", "Microsoft Entra ID P2 is licensed.", payload)
    if _holders(usable, plans.premium_p1):
        return Result.ok("LICENSE_P1", "Microsoft Entra ID P1 is licensed.", payload)
    suspended = _holders(skus, plans.premium_p1) + _holders(skus, plans.premium_p2)
    if suspended:
        message = f"Only subscriptions that are not enabled contain Entra ID P1 or P2: {', '.join(suspended)}."
        return Result.warn("LICENSE_SUSPENDED", message, payload)
    return Result.warn("LICENSE_FREE", "The tenant has Microsoft Entra ID Free.", payload)


def _holders(skus: tuple[Sku, ...] | list[Sku], plan: str) -> list[str]:
    return [sku.part_number for sku in skus if plan in sku.plans]


def _payload(plans: LicencePlans, skus: tuple[Sku, ...]) -> dict[str, Any]:
    premium = {plans.premium_p1, plans.premium_p2}
    return {
        "sku_count": len(skus),
        "skus": [
            {
                "part_number": sku.part_number,
                "capability_status": sku.capability_status,
                "prepaid_enabled": sku.enabled,
                "consumed": sku.consumed,
                "plan_count": len(sku.plans),
                "premium_plans": sorted(sku.plans & premium),
            }
            for sku in skus[:MAX_SKUS]
        ],
    }


@task(
    "license.inventory",
    step=4,
    title="The tenant has Microsoft Entra ID P1 or P2",
    permissions=(READ_ORGANIZATION,),
)
async def license_inventory(context: TaskContext) -> Result:
    """Reads the subscribed products, and searches the enabled ones for Microsoft Entra ID P1 and P2."""
    await context.progress(0, 1, "Reading the subscribed products")
    items = await context.graph.list("/subscribedSkus", permission=READ_ORGANIZATION, max_age=SHARED)
    await context.progress(1, 1, "Done")
    return decide(PLANS, tuple(sku_from(Fields(item, f"subscribedSkus[{index}]")) for index, item in enumerate(items)))


def sku_from(fields: Fields) -> Sku:
    """Return one product of a response. Raise ``CannotTell`` if a field is missing."""
    return Sku(
        part_number=fields.text("skuPartNumber"),
        capability_status=fields.text("capabilityStatus"),
        enabled=fields.at("prepaidUnits").count("enabled"),
        consumed=fields.count("consumedUnits"),
        plans=frozenset(plan.text("servicePlanId").lower() for plan in fields.each("servicePlans")),
    )
