"""The settings of the providers, derived from the settings of the service."""

from collections.abc import Mapping

import msgspec

from task_runner.named_credentials import NamedCredential
from task_runner.providers.limits import LIMITS, Service
from task_runner.tasks.gdap_profile import NO_GDAP_CHOICES, GdapProfile


class ProviderSettings(msgspec.Struct, frozen=True, kw_only=True):
    """Limits and URLs of the providers. All times are in seconds.

    ``graph_url`` and ``login_url`` (``ONBOARDING_GRAPH_URL``, ``ONBOARDING_LOGIN_URL``) replace every cloud's hosts.
    ``partner_tenant_id`` (``ONBOARDING_PARTNER_TENANT_ID``) is the GUID of the partner tenant, None = unknown.
    ``emergency_access`` (``ONBOARDING_EMERGENCY_ACCESS``) has the object ids of emergency access accounts, by the GUID
    of their tenant in lower case. ``credentials`` (``ONBOARDING_CREDENTIALS``) are the credentials by name.
    ``credential_prefix`` allows old ``env:NAME`` references to names that begin so, ``credential_directory`` old
    ``file:PATH`` references to files in that folder; without them such references are refused. ``bindings_path``
    (``ONBOARDING_TENANT_BINDINGS``) is the file of the tenant bindings; without it nothing is bound.
    """

    graph_url: str | None = None
    login_url: str | None = None
    partner_tenant_id: str | None = None
    emergency_access: Mapping[str, tuple[str, ...]] = {}
    gdap: GdapProfile = NO_GDAP_CHOICES
    proxy: str | None = None
    credentials: Mapping[str, NamedCredential] = {}
    bindings_path: str | None = None
    credential_prefix: str = ""
    credential_directory: str | None = None
    connect_timeout: float = 5.0
    request_timeout: float = 20.0
    max_connections: int = 100
    tenant_requests: int = 8
    tenant_request_rate: float = 20.0
    """Maximum requests of this process to one tenant: ``tenant_requests`` concurrent, the rate per second."""
    service_limits: Mapping[Service, tuple[float, float]] = LIMITS
    """Maximum requests per second to one tenant, and burst, of single services of Microsoft Graph."""
    max_response_bytes: int = 8 * 1024 * 1024
    max_list_bytes: int = 64 * 1024 * 1024
    max_pages: int = 1000
    answer_memory: int = 128 * 1024 * 1024
    """Bytes for the answers of all runs of this process, as they are read and when they are decoded."""
    shared_reading_seconds: float = 60.0
    """Greatest age of a reading that another run of this process uses; 0 = readings are not shared."""
    max_readings: int = 4096
    max_reading_bytes: int = 32 * 1024 * 1024
    """Maximum number and total size of the readings that are kept to be shared."""
    attempts: int = 4
    longest_wait: float = 5.0
    """Maximum delay before a retry of a request; a longer ``Retry-After`` ends the attempt."""
    max_sessions: int = 512
    """Maximum number of connections with an open session, some 16 KB each; twice the default of runs at a time."""
    max_tokens: int = 4096
    """Maximum number of others whose token is kept, some 2 KB each: the runs of a fleet take turns by customer."""
    certificate_wait: float = 10.0
    """Pause before another token request with a certificate that is not known everywhere yet."""
