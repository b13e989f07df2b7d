"""The settings of the providers, derived from the settings of the service."""

from collections.abc import Mapping

import msgspec

from task_runner.tasks.gdap_profile import NO_GDAP_CHOICES, GdapProfile


class ProviderSettings(msgspec.Struct, frozen=True, kw_only=True):
    """Limits and URLs of the providers. All times are in seconds.

    ``graph_url`` and ``login_url`` (``ONBOARDING_GRAPH_URL``, ``ONBOARDING_LOGIN_URL``) replace the hosts of any cloud.
    ``partner_tenant_id`` (``ONBOARDING_PARTNER_TENANT_ID``) is the GUID of the partner tenant, None = not configured.
    ``emergency_access`` (``ONBOARDING_EMERGENCY_ACCESS``) maps the GUID of a tenant, in lower case, to the object ids
    of its emergency access accounts. ``credential_prefix`` restricts ``env:NAME`` references to names with this prefix,
    ``credential_directory`` restricts ``file:PATH`` references to files in this directory.
    """

    graph_url: str | None = None
    login_url: str | None = None
    partner_tenant_id: str | None = None
    emergency_access: Mapping[str, tuple[str, ...]] = {}
    gdap: GdapProfile = NO_GDAP_CHOICES
    proxy: str | None = None
    credential_prefix: str = ""
    credential_directory: str | None = None
    connect_timeout: float = 5.0
    request_timeout: float = 20.0
    max_connections: int = 100
    tenant_requests: int = 8
    tenant_request_rate: float = 20.0
    """Maximum requests of this process to one tenant: ``tenant_requests`` concurrent, the rate per second."""
    max_response_bytes: int = 8 * 1024 * 1024
    max_list_bytes: int = 64 * 1024 * 1024
    max_pages: int = 1000
    attempts: int = 4
    longest_wait: float = 10.0
    """Maximum delay before a retry of a request; a longer ``Retry-After`` ends the attempt."""
    max_sessions: int = 1024
    """Maximum number of provider connections whose token is cached."""
