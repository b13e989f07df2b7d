"""The settings of task-runner."""

import json
from typing import Annotated, Any

from pydantic import Field, InstanceOf, StringConstraints, field_validator

from onboarding_shared.contracts.types import GUID_PATTERN
from onboarding_shared.process.message_settings import CommandKeySettings
from onboarding_shared.process.retention_settings import RunRetentionSettings
from onboarding_shared.process.service_settings import ServiceSettings
from onboarding_shared.process.settings import Settings, separated
from task_runner.named_credentials import NamedCredential, parse_credentials

LONGEST_RELATIONSHIP_DAYS = 730
"""Microsoft's longest duration of a delegated admin relationship."""
_WHOLE_GUID = f"^{GUID_PATTERN}$"
Guid = Annotated[str, StringConstraints(pattern=_WHOLE_GUID, to_lower=True)]


def from_json(value: Any) -> Any:
    """Parse the text of an environment variable as JSON. Raise ``ValueError`` if it is not."""
    try:
        return json.loads(value) if isinstance(value, str) else value
    except ValueError as error:
        raise ValueError(f"is not valid JSON: {error}") from error


class WorkerSettings(Settings):
    """Limits and timeouts of the worker. All times are in seconds."""

    concurrency: int = Field(
        256,
        ge=1,
        le=10_000,
        validation_alias="ONBOARDING_CONCURRENCY",
        description="Maximum concurrent runs in this process",
    )
    tenant_concurrency: int = Field(
        8,
        ge=1,
        le=10_000,
        validation_alias="ONBOARDING_TENANT_CONCURRENCY",
        description="Maximum concurrent runs of one tenant, over all processes",
    )
    lease_seconds: float = Field(
        30.0,
        ge=1,
        le=3600,
        validation_alias="ONBOARDING_LEASE_SECONDS",
        description="Seconds from the last renewal of a lease to its expiry; then another worker claims the run",
    )
    queue_seconds: float = Field(
        3600.0,
        ge=1,
        le=30 * 86_400,
        validation_alias="ONBOARDING_QUEUE_SECONDS",
        description="Seconds after which a due run that no worker has claimed times out",
    )
    confirm_seconds: float = Field(
        20.0,
        gt=0,
        le=600,
        validation_alias="ONBOARDING_CONFIRM_SECONDS",
        description="Seconds after which a result is published again if evidence-store has not confirmed it",
    )
    poll_seconds: float = Field(
        1.0,
        ge=0.01,
        le=60,
        validation_alias="ONBOARDING_POLL_SECONDS",
        description="Seconds between two polls of an idle worker for due runs",
    )
    drain_seconds: float = Field(
        10.0,
        ge=0,
        le=3600,
        validation_alias="ONBOARDING_DRAIN_SECONDS",
        description="Seconds that attempts in progress may take at shutdown before their leases are released",
    )


class TaskSettings(Settings):
    """The selection of installed tasks that this process offers."""

    left_out: tuple[str, ...] = Field(
        (),
        validation_alias="ONBOARDING_TASKS_LEFT_OUT",
        description="Installed task types that are not offered, separated by commas",
    )

    @field_validator("left_out", mode="before")
    @classmethod
    def _from_text(cls, value: Any) -> Any:
        return separated(value)


class OutsideSettings(Settings):
    """Access to Microsoft Graph and to credentials."""

    tenant_requests: int = Field(
        8,
        ge=1,
        le=1000,
        validation_alias="ONBOARDING_TENANT_REQUESTS",
        description="Maximum concurrent requests of this process to one tenant",
    )
    tenant_request_rate: float = Field(
        20.0,
        gt=0,
        le=10_000,
        validation_alias="ONBOARDING_TENANT_REQUEST_RATE",
        description="Maximum requests per second of this process to one tenant",
    )
    shared_reading_seconds: float = Field(
        60.0,
        ge=0,
        le=600,
        validation_alias="ONBOARDING_SHARED_READING_SECONDS",
        description="Greatest age of a reading of Microsoft Graph that checks share; 0 = each reads for itself",
    )
    answer_memory_mb: int = Field(
        128,
        ge=16,
        le=65_536,
        validation_alias="ONBOARDING_ANSWER_MEMORY_MB",
        description="MB for the answers of Microsoft Graph that all runs of this process read at a time",
    )
    graph_url: str | None = Field(
        None, validation_alias="ONBOARDING_GRAPH_URL", description="URL that replaces Microsoft Graph in all clouds"
    )
    login_url: str | None = Field(
        None, validation_alias="ONBOARDING_LOGIN_URL", description="URL that replaces the token service in all clouds"
    )
    partner_tenant_id: str | None = Field(
        None,
        pattern=_WHOLE_GUID,
        validation_alias="ONBOARDING_PARTNER_TENANT_ID",
        description="GUID of the partner tenant, which has the delegated admin relationships with customers",
    )
    emergency_access: dict[Guid, Annotated[tuple[Guid, ...], Field(min_length=1, max_length=10)]] | None = Field(
        None,
        validation_alias="ONBOARDING_EMERGENCY_ACCESS",
        description="JSON object: tenant id of a customer to the object ids of its emergency access accounts",
    )
    proxy: str | None = Field(
        None, validation_alias="ONBOARDING_PROVIDER_PROXY", repr=False, description="HTTP proxy for provider requests"
    )
    credentials: dict[str, InstanceOf[NamedCredential]] | None = Field(
        None,
        validation_alias="ONBOARDING_CREDENTIALS",
        description="JSON or TOML: the credentials by name, with the tenants that may use each",
    )
    bindings_path: str | None = Field(
        None,
        validation_alias="ONBOARDING_TENANT_BINDINGS",
        description="Path of the tenant bindings file, read again when it changes; unset = no tenant is bound",
    )
    credential_prefix: str = Field(
        "",
        validation_alias="ONBOARDING_CREDENTIAL_PREFIX",
        description="Old references env:NAME are allowed for names that begin so; unset = none",
    )
    credential_directory: str | None = Field(
        None,
        validation_alias="ONBOARDING_CREDENTIAL_DIRECTORY",
        description="Old references file:PATH are allowed for files in this folder; unset = none",
    )

    @field_validator("credentials", mode="before")
    @classmethod
    def _parsed(cls, value: Any) -> Any:
        return parse_credentials(value) if isinstance(value, str) else value

    @field_validator("emergency_access", mode="before")
    @classmethod
    def _from_json(cls, value: Any) -> Any:
        return from_json(value)


class GdapSettings(Settings):
    """Delegated administration (GDAP): whether onboarding needs it, and how invitations are made."""

    required: bool = Field(
        False,
        validation_alias="ONBOARDING_GDAP_REQUIRED",
        description="Steps 1 and 2 are ready only with a delegated admin relationship; consent by link needs none",
    )
    roles: dict[Annotated[str, Field(min_length=1, max_length=100)], Guid] | None = Field(
        None,
        validation_alias="ONBOARDING_GDAP_ROLES",
        description="JSON: the directory roles that a relationship must have, name to role template id",
    )
    duration_days: int = Field(
        LONGEST_RELATIONSHIP_DAYS,
        ge=1,
        le=LONGEST_RELATIONSHIP_DAYS,
        validation_alias="ONBOARDING_GDAP_DURATION_DAYS",
        description="Duration of the relationships that gdap.invite creates, in days",
    )
    auto_extend: bool = Field(
        True,
        validation_alias="ONBOARDING_GDAP_AUTO_EXTEND",
        description="Microsoft extends new relationships by 180 days at their end; never with Global Administrator",
    )
    service_account: Guid | None = Field(
        None,
        pattern=_WHOLE_GUID,
        validation_alias="ONBOARDING_GDAP_SERVICE_ACCOUNT",
        description="Object id of our user that must be a member of the mapped security groups",
    )

    @field_validator("roles", mode="before")
    @classmethod
    def _from_json(cls, value: Any) -> Any:
        return from_json(value)


class TaskRunnerSettings(ServiceSettings):
    """The settings of ``task-runner serve``."""

    command_keys: CommandKeySettings = Field(default_factory=CommandKeySettings)
    worker: WorkerSettings
    tasks: TaskSettings = Field(default_factory=TaskSettings)
    outside: OutsideSettings
    gdap: GdapSettings = Field(default_factory=GdapSettings)
    retention: RunRetentionSettings = Field(default_factory=RunRetentionSettings)
