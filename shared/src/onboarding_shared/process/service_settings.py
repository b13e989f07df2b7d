"""The settings classes that the services share, one per subject."""

from typing import Annotated, Any, Literal, Self

from pydantic import Field, field_validator, model_validator

from onboarding_shared.process.claim_settings import ClaimSettings
from onboarding_shared.process.message_settings import CommandKeySettings, KafkaSettings, RunKeySettings
from onboarding_shared.process.settings import Settings, separated
from onboarding_shared.process.urls import is_secure

ASYMMETRIC_ALGORITHMS = frozenset(
    {"RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512", "EdDSA"}
)
"""The accepted signature algorithms of tokens. Symmetric algorithms and ``none`` are never accepted."""


class DatabaseSettings(Settings):
    """The database of the service."""

    url: str = Field(validation_alias="DATABASE_URL", repr=False, description="postgresql://user:password@host/name")
    pool_size: int = Field(
        8, ge=1, le=500, validation_alias="ONBOARDING_DATABASE_POOL_SIZE", description="Connections at most, 1..500"
    )

    @field_validator("url")
    @classmethod
    def _is_postgresql(cls, url: str) -> str:
        if not url.startswith(("postgresql://", "postgres://")):
            raise ValueError("must start with postgresql://")
        return "postgresql://" + url.split("://", 1)[1]


class HttpSettings(Settings):
    """The HTTP server of the service. By default it listens on the loopback address only."""

    host: str = Field("127.0.0.1", validation_alias="ONBOARDING_HOST")
    port: int = Field(8000, ge=0, le=65_535, validation_alias="ONBOARDING_PORT", description="0 = any free port")
    health_port: int | None = Field(
        None,
        ge=0,
        le=65_535,
        validation_alias="ONBOARDING_HEALTH_PORT",
        description="Port of health and metrics alone; 0 = any free port, unset = they are on the API's port",
    )
    max_connections: int = Field(
        1000,
        ge=10,
        le=100_000,
        validation_alias="ONBOARDING_HTTP_MAX_CONNECTIONS",
        description="More are closed at once",
    )
    max_connections_per_address: int = Field(
        250,
        ge=1,
        le=100_000,
        validation_alias="ONBOARDING_HTTP_MAX_CONNECTIONS_PER_ADDRESS",
        description="More of one address are closed at once; behind a proxy as many as the proxy opens",
    )
    header_seconds: int = Field(
        10,
        ge=1,
        le=600,
        validation_alias="ONBOARDING_HTTP_HEADER_SECONDS",
        description="Time for the headers of a request; for the first one since the connection",
    )
    keep_alive_seconds: int = Field(
        30,
        ge=1,
        le=3600,
        validation_alias="ONBOARDING_HTTP_KEEP_ALIVE_SECONDS",
        description="How long a connection may be idle between requests",
    )
    write_seconds: int = Field(
        30,
        ge=1,
        le=600,
        validation_alias="ONBOARDING_HTTP_WRITE_SECONDS",
        description="How long a client may take to read an answer",
    )
    drain_seconds: int = Field(
        15, ge=1, le=3600, validation_alias="ONBOARDING_DRAIN_SECONDS", description="Time for requests at a stop"
    )

    @model_validator(mode="after")
    def _ports_differ(self) -> Self:
        if self.health_port == self.port != 0:
            raise ValueError("ONBOARDING_HEALTH_PORT and ONBOARDING_PORT must differ")
        return self


class IdentitySettings(Settings):
    """Verification of tokens. Without a key set the discovery document of the issuer names one."""

    jwks: str | None = Field(
        None,
        validation_alias="ONBOARDING_JWKS",
        description="https URL or file of the JSON Web Key Set that signs tokens; unset = the one its issuer names",
    )
    jwks_max_age_seconds: int = Field(
        86_400,
        ge=60,
        le=30 * 86_400,
        validation_alias="ONBOARDING_JWKS_MAX_AGE_SECONDS",
        description="For how long keys are believed while the key set cannot be read",
    )
    issuer: str = Field(validation_alias="ONBOARDING_JWT_ISSUER", description="the iss claim a token must carry")
    audience: str = Field(
        "onboarding", validation_alias="ONBOARDING_JWT_AUDIENCE", description="the aud claim a token must carry"
    )
    algorithms: Annotated[tuple[str, ...], Field(min_length=1)] = Field(
        ("RS256", "ES256", "EdDSA", "PS256"),
        validation_alias="ONBOARDING_JWT_ALGORITHMS",
        description="signature algorithms, separated by commas",
    )
    claims: ClaimSettings = Field(default_factory=ClaimSettings)

    @field_validator("algorithms", mode="before")
    @classmethod
    def _from_text(cls, value: Any) -> Any:
        return separated(value)

    @field_validator("algorithms")
    @classmethod
    def _only_asymmetric(cls, algorithms: tuple[str, ...]) -> tuple[str, ...]:
        if refused := [name for name in algorithms if name not in ASYMMETRIC_ALGORITHMS]:
            raise ValueError(
                f"{', '.join(refused)} not allowed; choose from {', '.join(sorted(ASYMMETRIC_ALGORITHMS))}"
            )
        return algorithms

    @model_validator(mode="after")
    def _have_a_key_set(self) -> Self:
        if self.jwks is None and not is_secure(self.issuer):
            raise ValueError(
                "ONBOARDING_JWKS is not set, and ONBOARDING_JWT_ISSUER is no https address whose discovery document"
                " could name a key set"
            )
        return self


class LogSettings(Settings):
    """Level and format of the log."""

    level: Literal["DEBUG", "INFO", "WARNING", "ERROR"] = Field("INFO", validation_alias="ONBOARDING_LOG_LEVEL")
    format: Literal["auto", "json", "console"] = Field(
        "auto", validation_alias="ONBOARDING_LOG_FORMAT", description="auto = console on a terminal, else JSON lines"
    )

    @field_validator("level", mode="before")
    @classmethod
    def _upper(cls, value: Any) -> Any:
        return value.upper() if isinstance(value, str) else value


class TracingSettings(Settings):
    """Export of traces: the standard variables of OpenTelemetry. Without an endpoint nothing is recorded.

    https://opentelemetry.io/docs/languages/sdk-configuration/
    """

    endpoint: str = Field(
        "", validation_alias="OTEL_EXPORTER_OTLP_ENDPOINT", description="http(s) address of the collector; unset = off"
    )
    traces_endpoint: str = Field(
        "",
        validation_alias="OTEL_EXPORTER_OTLP_TRACES_ENDPOINT",
        description="The same for traces, with its whole path",
    )
    headers: str = Field(
        "", validation_alias="OTEL_EXPORTER_OTLP_HEADERS", repr=False, description="name=value,… sent to the collector"
    )
    protocol: Literal["http/protobuf"] = Field("http/protobuf", validation_alias="OTEL_EXPORTER_OTLP_PROTOCOL")
    disabled: bool = Field(False, validation_alias="OTEL_SDK_DISABLED", description="true = off")
    service_name: str = Field("", validation_alias="OTEL_SERVICE_NAME", description="unset = the service's own name")
    sampler: Literal[
        "always_on",
        "always_off",
        "traceidratio",
        "parentbased_always_on",
        "parentbased_always_off",
        "parentbased_traceidratio",
    ] = Field("parentbased_always_on", validation_alias="OTEL_TRACES_SAMPLER")
    sampler_arg: float = Field(
        1.0, ge=0, le=1, validation_alias="OTEL_TRACES_SAMPLER_ARG", description="The ratio of …traceidratio, 0..1"
    )
    resource_attributes: str = Field("", validation_alias="OTEL_RESOURCE_ATTRIBUTES", description="name=value,…")

    @field_validator("endpoint", "traces_endpoint")
    @classmethod
    def _is_http(cls, url: str) -> str:
        if url and not url.startswith(("http://", "https://")):
            raise ValueError("must start with http:// or https://")
        return url

    @property
    def url(self) -> str | None:
        """The URL of the collector; ``None`` if tracing is disabled."""
        if self.disabled or not (self.endpoint or self.traces_endpoint):
            return None
        return self.traces_endpoint or f"{self.endpoint.rstrip('/')}/v1/traces"


class MigrateSettings(Settings):
    """Settings of the command ``migrate``."""

    database: DatabaseSettings
    kafka: KafkaSettings
    log: LogSettings


class RepairSettings(MigrateSettings):
    """Settings of the command ``inbox repair``."""

    run_keys: RunKeySettings
    command_keys: CommandKeySettings


class ServiceSettings(MigrateSettings):
    """Settings of the command ``serve``; each service adds its own."""

    allow_root: bool = Field(
        False, validation_alias="ONBOARDING_ALLOW_ROOT", description="true = serve may run as root, the user with id 0"
    )
    http: HttpSettings
    tracing: TracingSettings = Field(default_factory=TracingSettings)
