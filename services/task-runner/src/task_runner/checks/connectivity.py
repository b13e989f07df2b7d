"""``graph.connectivity``: sign-in to Microsoft Graph, and the identity of the tenant."""

import time
from collections.abc import Iterator
from datetime import UTC, datetime

import msgspec

from onboarding_shared.contracts.types import CheckStatus
from task_runner.providers.credentials.certificates import expires_soon
from task_runner.providers.fields import DATA_INCOMPLETE, Fields, only
from task_runner.providers.graph_errors import FORBIDDEN, GraphRefused, SignInRefused
from task_runner.tasks.context import TaskContext
from task_runner.tasks.declaration import task
from task_runner.tasks.result import Result

READ_ORGANIZATION = "Organization.Read.All"
READ_USERS = "User.Read.All"
MAX_DOMAINS = 200


class Organization(msgspec.Struct, frozen=True, kw_only=True):
    """The tenant of the token."""

    id: str
    display_name: str
    verified_domains: tuple[str, ...]


def decide(
    expected_tenant: str, organization: Organization, user_count: int | None, latency_ms: int | None = None
) -> Result:
    """Return the result for an organization and its number of users (None = not read)."""
    payload = {
        "organization": {
            "id": organization.id,
            "display_name": organization.display_name,
            "verified_domains": organization.verified_domains[:MAX_DOMAINS],
        },
        "user_count": user_count,
        "latency_ms": latency_ms,
    }
    if organization.id.lower() != expected_tenant.lower():
        message = f"Expected the tenant {expected_tenant}; Microsoft Graph returned the tenant {organization.id}."
        return Result.fail("GRAPH_TENANT_MISMATCH", message, payload)
    if user_count is None:
        return Result.unknown(DATA_INCOMPLETE, "The number of users was not read.", payload)
    if user_count == 0:
        return Result.warn("GRAPH_EMPTY_TENANT", f"{organization.display_name} has no users.", payload)
    message = f"Microsoft Graph returned {organization.display_name} with {user_count} users and guests."
    return Result.ok("GRAPH_OK", message, payload)


def with_credential(result: Result, expires_at: datetime | None, now: datetime) -> Result:
    """The result with the end of the certificate; ``warn`` instead of ``ok`` if that is soon. None = not known."""
    if expires_at is None:
        return result
    payload = {**result.payload, "credential_expires_at": expires_at.isoformat()}
    if result.status is CheckStatus.OK and expires_soon(expires_at, now):
        message = f"Microsoft Graph answers; the application's certificate expires on {expires_at:%Y-%m-%d}."
        return Result.warn("CREDENTIAL_EXPIRES_SOON", message, payload)
    return Result.of(result.status, result.reason_code, result.message, payload)


@task(
    "graph.connectivity",
    step=4,
    title="Microsoft Graph returns the expected tenant",
    permissions=(READ_ORGANIZATION, READ_USERS),
)
async def connectivity(context: TaskContext) -> Result:
    """Signs in as the application, reads the organization, and counts its users."""
    try:
        return with_credential(await _check(context), context.graph.credential_expires_at, datetime.now(UTC))
    except SignInRefused as refused:
        return Result.fail(refused.reason_code, refused.message, refused.payload)
    except GraphRefused as refused:
        if refused.reason_code == FORBIDDEN:
            return Result.fail(refused.reason_code, refused.message, refused.payload)
        raise


async def _check(context: TaskContext) -> Result:
    expected = context.connection.external_tenant_id if context.connection else ""
    await context.progress(0, 2, "Reading the organization")
    started = time.monotonic()
    items = await context.graph.list("/organization", permission=READ_ORGANIZATION)
    latency_ms = round((time.monotonic() - started) * 1000)
    organization = organization_from(only(tuple(Fields(item, "organization") for item in items), "organization"))
    if organization.id.lower() != expected.lower():
        return decide(expected, organization, None, latency_ms)
    await context.progress(1, 2, "Counting users")
    users = await context.graph.get(
        "/users",
        {"$count": "true", "$top": "1", "$select": "id"},
        headers={"ConsistencyLevel": "eventual"},
        permission=READ_USERS,
    )
    user_count = Fields(users, "users").count("@odata.count")
    await context.progress(2, 2, "Done")
    return decide(expected, organization, user_count, latency_ms)


def organization_from(fields: Fields) -> Organization:
    """Return the organization in a response. Raise ``CannotTell`` if a field is missing."""
    return Organization(
        id=fields.text("id"),
        display_name=fields.optional_text("displayName") or "the organization",
        verified_domains=tuple(_domains(fields)),
    )


def _domains(fields: Fields) -> Iterator[str]:
    """The names of the verified domains, as far as they are there: they are evidence alone."""
    for domain in fields.each("verifiedDomains") if fields.has("verifiedDomains") else ():
        if name := domain.optional_text("name"):
            yield name
