"""``app.consent``: the permissions granted to the application, compared with the manifest."""

from task_runner.checks.consent import grants as consent
from task_runner.checks.lists import MANIFEST, AppManifest
from task_runner.providers.graph_errors import FORBIDDEN, GraphRefused, SignInRefused
from task_runner.tasks.context import TaskContext
from task_runner.tasks.declaration import task
from task_runner.tasks.result import Result


def decide_by_token(manifest: AppManifest, roles: frozenset[str] | None, refused: GraphRefused) -> Result:
    """Return the result from the token's ``roles`` claim (None = unreadable), if reading the grants was ``refused``."""
    comparison = consent.from_token_roles(manifest, roles if roles is not None else frozenset())
    payload = {"manifest": {"version": manifest.version, "sha256": manifest.sha256}, "read_from": "token", **comparison}
    if roles is not None and not comparison["missing"]:
        return Result.unknown(refused.reason_code, refused.message, {**refused.payload, **payload})
    message = f"Not granted: {', '.join(comparison['missing'])}." if roles is not None else refused.message
    return Result.fail("CONSENT_PERMISSIONS_MISSING", message, {**refused.payload, **payload})


@task(
    "app.consent",
    step=3,
    title="The application has admin consent",
    permissions=(consent.READ_APPLICATIONS, consent.READ_GRANTS),
)
async def app_consent(context: TaskContext) -> Result:
    """Reads the permissions granted to the application in the customer's tenant, and compares them to the manifest."""
    try:
        return await _check(context)
    except SignInRefused as refused:
        return Result.fail(refused.reason_code, refused.message, refused.payload)
    except GraphRefused as refused:
        if refused.reason_code == FORBIDDEN:
            return decide_by_token(MANIFEST, await context.graph.granted_roles(), refused)
        raise


async def _check(context: TaskContext) -> Result:
    client_id = context.connection.client_id if context.connection else ""
    await context.progress(0, 2, "Reading the service principal")
    principal = await consent.find_principal(context, client_id)
    if principal is None:
        return consent.decide(MANIFEST, None)
    await context.progress(1, 2, "Reading the granted permissions")
    granted = await consent.read_consent(context, principal, await consent.resource_id(context, MANIFEST))
    await context.progress(2, 2, "Done")
    return consent.decide(MANIFEST, granted)
