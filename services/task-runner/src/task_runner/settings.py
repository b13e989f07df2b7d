"""The settings of the task runner, each by its environment variable."""

import json
from typing import Annotated, Any

from pydantic import Field, InstanceOf, StringConstraints, field_validator

from onboarding_shared.contracts.types import GUID_PATTERN
from onboarding_shared.process.service_settings import ServiceSettings
from onboarding_shared.process.settings import Settings, separated
from task_runner.named_credentials import NamedCredential, parse_credentials

_WHOLE_GUID = f"^{GUID_PATTERN}$"
Guid = Annotated[str, StringConstraints(pattern=_WHOLE_GUID, to_lower=True)]


class WorkerSettings(Settings):
    """Limits and timeouts of the worker. Times are seconds."""

    concurrency: int = Field(
        64, ge=1, le=10_000, validation_alias="ONBOARDING_CONCURRENCY", description="Runs at a time in this process"
    )
    tenant_concurrency: int = Field(
        8,
        ge=1,
        le=10_000,
        validation_alias="ONBOARDING_TENANT_CONCURRENCY",
        description="Runs at a time of one tenant, over all processes",
    )
    lease_seconds: float = Field(
        30.0,
        ge=1,
        le=3600,
        validation_alias="ONBOARDING_LEASE_SECONDS",
        description="After this time without a sign of life a run's worker counts as gone",
    )
    queue_seconds: float = Field(
        3600.0,
        ge=1,
        le=30 * 86_400,
        validation_alias="ONBOARDING_QUEUE_SECONDS",
        description="A run that no worker takes for so long after it was due ends",
    )
    confirm_seconds: float = Field(
        20.0,
        gt=0,
        le=600,
        validation_alias="ONBOARDING_CONFIRM_SECONDS",
        description="A result that the evidence store has not confirmed by then is told again",
    )
    poll_seconds: float = Field(
        0.5,
        ge=0.01,
        le=60,
        validation_alias="ONBOARDING_POLL_SECONDS",
        description="How often an idle worker looks for work that it was not told of",
    )
    drain_seconds: float = Field(
        10.0,
        ge=0,
        le=3600,
        validation_alias="ONBOARDING_DRAIN_SECONDS",
        description="At a stop, running tasks get this time before their leases are given back",
    )


class TaskSettings(Settings):
    """The selection of installed tasks that this runner offers."""

    left_out: tuple[str, ...] = Field(
        (),
        validation_alias="ONBOARDING_TASKS_LEFT_OUT",
        description="Task types that are not offered although they are installed, separated by commas",
    )

    @field_validator("left_out", mode="before")
    @classmethod
    def _from_text(cls, value: Any) -> Any:
        return separated(value)


class OutsideSettings(Settings):
    """Access to the customers' tenants."""

    tenant_requests: int = Field(
        8,
        ge=1,
        le=1000,
        validation_alias="ONBOARDING_TENANT_REQUESTS",
        description="Requests at a time to one customer's tenant, by this process",
    )
    tenant_request_rate: float = Field(
        20.0,
        gt=0,
        le=10_000,
        validation_alias="ONBOARDING_TENANT_REQUEST_RATE",
        description="Requests a second to one customer's tenant, by this process",
    )
    graph_url: str | None = Field(
        None, validation_alias="ONBOARDING_GRAPH_URL", description="Replaces Microsoft Graph of every cloud"
    )
    login_url: str | None = Field(
        None, validation_alias="ONBOARDING_LOGIN_URL", description="Replaces the token endpoint of every cloud"
    )
    partner_tenant_id: str | None = Field(
        None,
        pattern=_WHOLE_GUID,
        validation_alias="ONBOARDING_PARTNER_TENANT_ID",
        description="Our own tenant at Microsoft, where relationships with customers are kept",
    )
    emergency_access: dict[Guid, Annotated[tuple[Guid, ...], Field(min_length=1, max_length=10)]] | None = Field(
        None,
        validation_alias="ONBOARDING_EMERGENCY_ACCESS",
        description="JSON: a customer's tenant to the object ids of its emergency access accounts",
    )
    proxy: str | None = Field(
        None, validation_alias="ONBOARDING_PROVIDER_PROXY", repr=False, description="HTTP proxy on the way to providers"
    )
    credentials: dict[str, InstanceOf[NamedCredential]] | None = Field(
        None,
        validation_alias="ONBOARDING_CREDENTIALS",
        description="JSON or TOML: the credentials by name, with the tenants that may use each",
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
        try:
            return json.loads(value) if isinstance(value, str) else value
        except ValueError as error:
            raise ValueError(f"is not JSON: {error}") from error


class TaskRunnerSettings(ServiceSettings):
    """The settings of ``task-runner serve``."""

    worker: WorkerSettings
    tasks: TaskSettings = Field(default_factory=TaskSettings)
    outside: OutsideSettings
