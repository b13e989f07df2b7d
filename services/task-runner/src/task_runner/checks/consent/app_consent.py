"""``app.consent``: the permissions granted to the application, compared with the manifest."""

from task_runner.checks.consent import grants as consent
from task_runner.checks.consent.waiting import MISSING, consent_gone, wait_for_permissions
from task_runner.checks.lists import MANIFEST, AppManifest
from task_runner.providers.graph_errors import FORBIDDEN, GraphRefused, SignInRefused
from task_runner.tasks.context import RunDetails, TaskContext
from task_runner.tasks.declaration import task
from task_runner.tasks.result import Result


def decide_by_token(
    manifest: AppManifest, roles: frozenset[str] | None, refused: GraphRefused, details: RunDetails
) -> Result:
    """The result when the grants may not be read: the token's own ``roles`` claim shows them (None = unreadable).

    Raises ``Wait`` where it does not show all of them.
    """
    shown = consent.from_token_roles(manifest, roles if roles is not None else frozenset())
    payload = {
        **refused.payload,
        "manifest": {"version": manifest.version, "sha256": manifest.sha256},
        "read_from": "token",
        **shown,
    }
    if roles is not None and not shown["missing"]:
        return Result.unknown(refused.reason_code, refused.message, payload)
    raise wait_for_permissions(shown["missing"], details, payload)


@task(
    "app.consent",
    step=3,
    title="The application has admin consent",
    permissions=(consent.READ_APPLICATIONS, consent.READ_GRANTS),
)
async def app_consent(context: TaskContext) -> Result:
    """Compares what the customer granted with the manifest, and waits for the consent while it is missing."""
    try:
        return await _check(context)
    except SignInRefused as refused:
        if refused.reason_code == MISSING:
            return consent_gone(refused.message, context.details, refused.payload)
        return Result.fail(refused.reason_code, refused.message, refused.payload)
    except GraphRefused as refused:
        if refused.reason_code == FORBIDDEN:
            roles = await context.graph.granted_roles()
            return decide_by_token(MANIFEST, roles, refused, context.details)
        raise


async def _check(context: TaskContext) -> Result:
    """A new token each time: an older one names the permissions of its time, and outlives a consent taken back."""
    client_id = context.connection.client_id if context.connection else ""
    await context.progress(0, 2, "Looking for the service principal")
    await context.graph.renew_token()
    principal, resource = await consent.find_principals(context, client_id, MANIFEST.resource_app_id)
    if principal is None:
        return consent.decide(MANIFEST, None, context.details)
    await context.progress(1, 2, "Reading what was granted")
    granted = await consent.read_consent(context, principal, resource, MANIFEST.allowed_scopes)
    await context.progress(2, 2, "Done")
    return consent.decide(MANIFEST, granted, context.details)
