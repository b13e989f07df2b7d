"""``app.consent_grant``: grants the application the missing permissions of the manifest. It removes none."""

import asyncio

import msgspec

from task_runner.checks.consent import grants as consent
from task_runner.checks.lists import MANIFEST
from task_runner.providers.fields import Fields
from task_runner.providers.graph_errors import NOT_FOUND, REJECTED, GraphRefused
from task_runner.tasks.context import TaskContext
from task_runner.tasks.declaration import task
from task_runner.tasks.result import Result, TaskFault
from task_runner.tasks.retry import Retry

CREATE_PRINCIPAL = "Application.ReadWrite.All"
ASSIGN_ROLES = "AppRoleAssignment.ReadWrite.All"
READ_BACK_TRIES = 3
READ_BACK_PAUSE = 1.0
"""Seconds between two tries. Microsoft Entra ID is eventually consistent: a change is not visible immediately."""


@task(
    "app.consent_grant",
    step=3,
    title="Grant the application its missing permissions",
    mode="exclusive",
    required=False,
    time_limit=120.0,
    retry=Retry(attempts=5, first_delay=2.0),
    permissions=(CREATE_PRINCIPAL, ASSIGN_ROLES),
)
async def consent_grant(context: TaskContext) -> Result:
    """Creates the application's service principal if it is missing, grants the missing permissions, and reads them."""
    client_id = context.connection.client_id if context.connection else ""
    await context.progress(0, len(MANIFEST.app_roles), "Reading the service principal")
    principal = await consent.find_principal(context, client_id)
    created = principal is None
    if principal is None:
        principal = await _create_principal(context, client_id)
    resource = await consent.resource_id(context, MANIFEST)
    before = await consent.read_consent(context, principal, resource)
    missing = consent.missing_roles(MANIFEST, before)
    done = len(MANIFEST.app_roles) - len(missing)
    for name, role in missing.items():
        await context.progress(done, len(MANIFEST.app_roles), f"Granting {name}")
        await _assign(context, before.principal_id, resource, role)
        done += 1
    await context.progress(done, len(MANIFEST.app_roles), "Reading the granted permissions")
    after = await _read_back(context, client_id, resource)
    result = consent.decide(MANIFEST, after)
    changes = {"service_principal_created": created, "granted_now": sorted(missing)}
    return msgspec.structs.replace(result, payload={**result.payload, "changes": changes})


async def _create_principal(context: TaskContext, client_id: str) -> Fields:
    try:
        body = await context.graph.post("/servicePrincipals", {"appId": client_id}, permission=CREATE_PRINCIPAL)
    except GraphRefused as refused:
        if refused.http_status != 409:
            raise
        message = "The service principal was created concurrently and is not visible yet."
        raise TaskFault("CONSENT_NOT_VISIBLE_YET", message, retryable=True) from None
    return Fields(body, "servicePrincipal")


async def _assign(context: TaskContext, principal: str, resource: str, role: str) -> None:
    body = {"principalId": principal, "resourceId": resource, "appRoleId": role}
    try:
        await context.graph.post(f"/servicePrincipals/{principal}/appRoleAssignments", body, permission=ASSIGN_ROLES)
    except GraphRefused as refused:
        if refused.reason_code == NOT_FOUND:
            message = "The new service principal is not visible yet."
            raise TaskFault("CONSENT_NOT_VISIBLE_YET", message, retryable=True) from None
        if not (refused.reason_code == REJECTED and "already exists" in refused.message):
            raise


async def _read_back(context: TaskContext, client_id: str, resource: str) -> consent.Consent | None:
    granted: consent.Consent | None = None
    for attempt in range(READ_BACK_TRIES):
        if attempt:
            await asyncio.sleep(READ_BACK_PAUSE)
        principal = await consent.find_principal(context, client_id)
        granted = await consent.read_consent(context, principal, resource) if principal else None
        if granted and not consent.missing_roles(MANIFEST, granted):
            break
    return granted
