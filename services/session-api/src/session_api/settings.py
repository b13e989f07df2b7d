"""The settings of session-api."""

import json
from typing import Annotated, Any, Self

from pydantic import Field, StringConstraints, field_validator, model_validator

from onboarding_shared.contracts.clouds import CLOUDS
from onboarding_shared.contracts.types import GUID_PATTERN
from onboarding_shared.process.message_settings import CommandKeySettings, RunKeySettings
from onboarding_shared.process.retention_settings import KeptDays, RunRetentionSettings
from onboarding_shared.process.service_settings import DatabaseSettings, IdentitySettings, LogSettings, ServiceSettings
from onboarding_shared.process.settings import Settings, separated
from onboarding_shared.process.urls import is_origin, is_secure

Guid = Annotated[str, StringConstraints(pattern=f"^{GUID_PATTERN}$", to_lower=True)]


class ConsentSettings(Settings):
    """Links with which a customer consents."""

    redirect_url: str = Field(
        "",
        validation_alias="ONBOARDING_CONSENT_REDIRECT_URL",
        description="Address that the link comes back to; unset = /onboarding/consent/callback at the public address",
    )
    client_ids: dict[str, Guid] | None = Field(
        None,
        validation_alias="ONBOARDING_CONSENT_CLIENT_IDS",
        description="JSON: a cloud to the client id to consent to; unset = that of the connection",
    )
    request_seconds: int = Field(
        86_400,
        ge=60,
        le=30 * 86_400,
        validation_alias="ONBOARDING_CONSENT_REQUEST_SECONDS",
        description="How long a link can be answered",
    )
    graph_url: str | None = Field(
        None, validation_alias="ONBOARDING_GRAPH_URL", description="Replaces Microsoft Graph of every cloud"
    )
    login_url: str | None = Field(
        None, validation_alias="ONBOARDING_LOGIN_URL", description="Replaces the sign-in address of every cloud"
    )

    @field_validator("client_ids", mode="before")
    @classmethod
    def _from_json(cls, value: Any) -> Any:
        try:
            return json.loads(value) if isinstance(value, str) else value
        except ValueError as error:
            raise ValueError(f"is not JSON: {error}") from error

    @field_validator("client_ids")
    @classmethod
    def _of_clouds(cls, client_ids: dict[str, str] | None) -> dict[str, str] | None:
        if unknown := sorted(set(client_ids or ()) - set(CLOUDS)):
            raise ValueError(f"{', '.join(unknown)} is no cloud; known are {', '.join(CLOUDS)}")
        return client_ids

    @field_validator("redirect_url", "graph_url", "login_url")
    @classmethod
    def _is_http(cls, url: str | None) -> str | None:
        return url if url is None else http_url(url)


class OidcSettings(Settings):
    """The identity provider that people of a browser application sign in with."""

    authority: str = Field(
        "",
        validation_alias="ONBOARDING_OIDC_AUTHORITY",
        description="https address of the provider, at which its discovery document is; unset = no sign-in",
    )
    client_id: str = Field(
        "",
        max_length=500,
        validation_alias="ONBOARDING_OIDC_CLIENT_ID",
        description="The client that the browser application is at the provider",
    )
    scopes: Annotated[tuple[str, ...], Field(min_length=1, max_length=50)] = Field(
        ("openid", "profile"),
        validation_alias="ONBOARDING_OIDC_SCOPES",
        description="What the browser application asks for, separated by commas",
    )

    @field_validator("authority")
    @classmethod
    def _is_secure(cls, url: str) -> str:
        if url and not is_secure(url):
            raise ValueError("must start with https://, unless it is on this machine")
        return url.rstrip("/")

    @field_validator("scopes", mode="before")
    @classmethod
    def _from_text(cls, value: Any) -> Any:
        return separated(value)

    @model_validator(mode="after")
    def _are_complete(self) -> Self:
        if bool(self.authority) != bool(self.client_id):
            raise ValueError("ONBOARDING_OIDC_AUTHORITY and ONBOARDING_OIDC_CLIENT_ID must be set together")
        return self


class QuotaSettings(Settings):
    """The limits of a tenant; 0 = no limit."""

    connections: int = Field(
        100,
        ge=0,
        le=1_000_000,
        validation_alias="ONBOARDING_TENANT_CONNECTIONS",
        description="Enabled provider connections of a tenant at most; 0 = no limit",
    )
    sessions_per_day: int = Field(
        200,
        ge=0,
        le=1_000_000,
        validation_alias="ONBOARDING_TENANT_SESSIONS_PER_DAY",
        description="Sessions that a tenant opens within 24 hours at most; 0 = no limit",
    )
    active_runs: int = Field(
        200,
        ge=0,
        le=1_000_000,
        validation_alias="ONBOARDING_TENANT_ACTIVE_RUNS",
        description="Runs of a tenant that have not ended at most; 0 = no limit",
    )


class RetentionSettings(RunRetentionSettings):
    """How long runs and history are kept."""

    history_days: KeptDays = Field(
        0,
        validation_alias="ONBOARDING_HISTORY_DAYS",
        description="Days after the end of a session after which its history is removed; 0 = never",
    )


class StreamSettings(Settings):
    """Streams of events to callers."""

    most: int = Field(
        2_000,
        ge=1,
        le=100_000,
        validation_alias="ONBOARDING_STREAMS",
        description="Open streams of this process at most; each keeps a connection, which counts no other limit",
    )
    most_of_caller: int = Field(
        20,
        ge=1,
        le=100_000,
        validation_alias="ONBOARDING_STREAMS_PER_CALLER",
        description="Open streams of one caller in this process at most",
    )
    events: int = Field(
        10_000,
        ge=100,
        le=1_000_000,
        validation_alias="ONBOARDING_STREAM_EVENTS",
        description="Latest events kept in memory, from which streams resume",
    )
    events_mb: int = Field(
        16,
        ge=1,
        le=4_096,
        validation_alias="ONBOARDING_STREAM_EVENTS_MB",
        description="Memory of these events at most, in MiB",
    )


class HealthPageSettings(Settings):
    """The health pages of the other services, which operators see through this one."""

    evidence_store_url: str = Field(
        "",
        validation_alias="ONBOARDING_EVIDENCE_STORE_HEALTH_URL",
        description="http(s) URL of evidence-store's health pages; unset = ONBOARDING_EVIDENCE_STORE_URL",
    )
    task_runner_url: str = Field(
        "",
        validation_alias="ONBOARDING_TASK_RUNNER_HEALTH_URL",
        description="http(s) URL of task-runner's health pages; unset = operators do not see its state",
    )

    @field_validator("evidence_store_url", "task_runner_url")
    @classmethod
    def _is_http(cls, url: str) -> str:
        return http_url(url).rstrip("/")


class BindingRuleSettings(Settings):
    """The settings on which a change of a tenant binding depends, over HTTP and on the command line."""

    silence_seconds: float = Field(
        20.0,
        gt=0,
        le=3600,
        validation_alias="ONBOARDING_SILENCE_SECONDS",
        description="Seconds without a message about a run after which its command is sent again",
    )
    credential_references: bool = Field(
        False,
        validation_alias="ONBOARDING_CREDENTIAL_REFERENCES",
        description="true = new connections may have the old references env:NAME and file:/path",
    )
    partner_tenant_id: Guid | None = Field(
        None,
        validation_alias="ONBOARDING_PARTNER_TENANT_ID",
        description="GUID of the partner tenant, to which no connection can be created",
    )
    command_keys: CommandKeySettings = Field(default_factory=CommandKeySettings)


class BindingsSettings(BindingRuleSettings):
    """The settings of ``session-api bindings``."""

    database: DatabaseSettings
    log: LogSettings


class SessionApiSettings(ServiceSettings, BindingRuleSettings):
    """The settings of ``session-api serve``."""

    identity: IdentitySettings
    oidc: OidcSettings = Field(default_factory=OidcSettings)
    run_keys: RunKeySettings = Field(default_factory=RunKeySettings)
    evidence_store_url: str = Field(
        validation_alias="ONBOARDING_EVIDENCE_STORE_URL", description="http(s) URL of evidence-store"
    )
    evidence_timeout_seconds: float = Field(
        5.0,
        gt=0,
        le=60,
        validation_alias="ONBOARDING_EVIDENCE_TIMEOUT_SECONDS",
        description="Timeout of requests to evidence-store, in seconds",
    )
    health_pages: HealthPageSettings = Field(default_factory=HealthPageSettings)
    public_url: str = Field(
        "",
        validation_alias="ONBOARDING_PUBLIC_URL",
        description="Public URL of this API; unset = links in responses are paths without a host",
    )
    cors_origins: Annotated[tuple[str, ...], Field(max_length=50)] = Field(
        (),
        validation_alias="ONBOARDING_CORS_ORIGINS",
        description="Origins whose pages may read the answers, separated by commas; unset = none",
    )
    edit_lock_seconds: int = Field(
        900,
        ge=1,
        le=86_400,
        validation_alias="ONBOARDING_EDIT_LOCK_SECONDS",
        description="Seconds from the last use of an edit lock to its expiry",
    )
    sweep_seconds: float = Field(
        1.0,
        gt=0,
        le=600,
        validation_alias="ONBOARDING_SWEEP_SECONDS",
        description="Seconds between two sweeps for commands to send again",
    )
    released_task_types: tuple[str, ...] = Field(
        (),
        validation_alias="ONBOARDING_RELEASED_TASK_TYPES",
        description="Required task types that may be announced less strict or withdrawn, separated by commas",
    )
    consent: ConsentSettings = Field(default_factory=ConsentSettings)
    caller_requests_per_minute: int = Field(
        12_000,
        ge=0,
        le=10_000_000,
        validation_alias="ONBOARDING_CALLER_REQUESTS_PER_MINUTE",
        description="Requests of one caller in a minute to this process at most; 0 = no limit",
    )
    idempotency_key_seconds: int = Field(
        86_400,
        ge=60,
        le=30 * 86_400,
        validation_alias="ONBOARDING_IDEMPOTENCY_KEY_SECONDS",
        description="How long an Idempotency-Key and its answer are kept",
    )
    quotas: QuotaSettings = Field(default_factory=QuotaSettings)
    retention: RetentionSettings = Field(default_factory=RetentionSettings)
    streams: StreamSettings = Field(default_factory=StreamSettings)

    @field_validator("released_task_types", "cors_origins", mode="before")
    @classmethod
    def _from_text(cls, value: Any) -> Any:
        return separated(value)

    @field_validator("cors_origins")
    @classmethod
    def _are_origins(cls, origins: tuple[str, ...]) -> tuple[str, ...]:
        if wrong := [origin for origin in origins if not is_origin(origin)]:
            raise ValueError(f"{', '.join(wrong)} is no origin such as https://app.example, in lower case")
        return origins

    @field_validator("evidence_store_url", "public_url")
    @classmethod
    def _is_http(cls, url: str) -> str:
        return http_url(url).rstrip("/")


def http_url(url: str) -> str:
    """The address. Raises ``ValueError`` where it is neither empty nor one of HTTP."""
    if url and not url.startswith(("http://", "https://")):
        raise ValueError("must start with http:// or https://")
    return url
