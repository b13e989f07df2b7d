"""``license.inventory``: the licences of the tenant, and Microsoft Entra ID P1 or P2 among them."""

from collections.abc import Sequence
from typing import Any

from task_runner.checks.judging import MAX_LISTED, settled
from task_runner.checks.lists import PLANS, LicencePlans
from task_runner.checks.subscriptions import PROVISIONED, READ_ORGANIZATION, Capability, Sku, Skus, read_skus
from task_runner.tasks.context import TaskContext
from task_runner.tasks.declaration import task
from task_runner.tasks.result import Result


def decide(plans: LicencePlans, products: Skus) -> Result:
    """Return the result for the tenant's products; ``unknown`` if one that cannot be judged could change it."""
    possible = [_decide(plans, products.skus)]
    if products.not_judged:
        premium = Sku(part_number="possible", capability=Capability.ENABLED, plans={plans.premium_p2: PROVISIONED})
        overused = Sku(part_number="possible", capability=Capability.ENABLED, consumed=1)
        possible += [_decide(plans, (*products.skus, sku)) for sku in (premium, overused)]
    return settled(possible, products.not_judged)


def _decide(plans: LicencePlans, skus: Sequence[Sku]) -> Result:
    payload = _payload(plans, skus)
    if not any(sku.usable and not sku.free for sku in skus):
        message = "The tenant has no subscription that works, apart from free products that users take themselves."
        return Result.fail("LICENSE_NONE", message, payload)
    overused = [sku.part_number for sku in skus if sku.overused]
    edition, providers = _edition(plans, skus)
    if edition is None:
        return _without_premium(plans, skus, overused, payload)
    if overused:
        return _overused(overused, payload)
    if all(sku.in_grace for sku in providers):
        message = f"The term of the subscriptions with Microsoft Entra ID {edition} has ended: {_names(providers)}."
        return Result.warn("LICENSE_GRACE", message, payload)
    return Result.ok(f"LICENSE_{edition}", f"Microsoft Entra ID {edition} is licensed.", payload)


def _edition(plans: LicencePlans, skus: Sequence[Sku]) -> tuple[str | None, list[Sku]]:
    for edition, plan in (("P2", plans.premium_p2), ("P1", plans.premium_p1)):
        providers = [sku for sku in skus if sku.provides(plan)]
        if providers:
            return edition, providers
    return None, []


def _without_premium(plans: LicencePlans, skus: Sequence[Sku], overused: list[str], payload: dict[str, Any]) -> Result:
    containing = [sku for sku in skus if any(sku.contains(plan) for plan in plans.premium)]
    unprovisioned = [sku for sku in containing if sku.usable]
    if unprovisioned:
        states = sorted({sku.plans[plan] for sku in unprovisioned for plan in plans.premium if sku.contains(plan)})
        message = f"Microsoft Entra ID P1 or P2 is in {_names(unprovisioned)}, with the status {', '.join(states)}."
        return Result.warn("LICENSE_NOT_PROVISIONED", message, payload)
    if containing:
        message = f"Only subscriptions that do not work contain Microsoft Entra ID P1 or P2: {_names(containing)}."
        return Result.warn("LICENSE_SUSPENDED", message, payload)
    if overused:
        return _overused(overused, payload)
    return Result.warn("LICENSE_FREE", "The tenant has Microsoft Entra ID Free.", payload)


def _overused(part_numbers: list[str], payload: dict[str, Any]) -> Result:
    message = f"More licences assigned than purchased: {', '.join(part_numbers)}."
    return Result.warn("LICENSE_OVERUSED", message, payload)


def _names(skus: Sequence[Sku]) -> str:
    return ", ".join(sku.part_number for sku in skus[:10])


def _payload(plans: LicencePlans, skus: Sequence[Sku]) -> dict[str, Any]:
    return {
        "sku_count": len(skus),
        "skus": [
            {
                "part_number": sku.part_number,
                "capability_status": sku.capability.value,
                "seats": sku.seats,
                "consumed": sku.consumed,
                "for_users": sku.for_users,
                "self_service": sku.free,
                "plan_count": len(sku.plans),
                "premium_plans": {plan: sku.plans[plan] for plan in plans.premium if sku.contains(plan)},
            }
            for sku in skus[:MAX_LISTED]
        ],
    }


@task(
    "license.inventory",
    step=4,
    title="The tenant has Microsoft Entra ID P1 or P2",
    permissions=(READ_ORGANIZATION,),
)
async def license_inventory(context: TaskContext) -> Result:
    """Reads the subscribed products, and searches those that work for Microsoft Entra ID P1 and P2."""
    await context.progress(0, 1, "Reading the subscribed products")
    products = await read_skus(context)
    await context.progress(1, 1, "Done")
    return decide(PLANS, products)
