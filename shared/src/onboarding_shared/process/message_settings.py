"""The settings of messages: the connection to Kafka, and the secrets of their message authentication codes."""

from functools import lru_cache
from ssl import SSLContext
from typing import Any, Literal, Self

from aiokafka.helpers import create_ssl_context
from pydantic import Field, field_validator, model_validator

from onboarding_shared.contracts.run_keys import SHORTEST_SECRET, Purpose, RunKeys
from onboarding_shared.process.settings import Settings, separated


class RunKeySettings(Settings):
    """The secrets from which the keys of runs are derived, shared by session-api and evidence-store."""

    secrets: tuple[str, ...] = Field(
        (),
        repr=False,
        validation_alias="ONBOARDING_RUN_SECRETS",
        description="Secrets of 32 characters or more, separated by commas, the newest first; unset = none is checked",
    )
    accept_without_mac: bool = Field(
        False,
        validation_alias="ONBOARDING_ACCEPT_WITHOUT_MAC",
        description="true = messages about runs without a MAC count, during an upgrade; those with a wrong one never",
    )

    @field_validator("secrets", mode="before")
    @classmethod
    def _separated(cls, value: Any) -> Any:
        return separated(value)

    @field_validator("secrets")
    @classmethod
    def _are_long(cls, secrets: tuple[str, ...]) -> tuple[str, ...]:
        if any(len(secret) < SHORTEST_SECRET for secret in secrets):
            raise ValueError(f"has a secret of less than {SHORTEST_SECRET} characters")
        return secrets

    @property
    def keys(self) -> RunKeys:
        """The keys of runs."""
        return RunKeys(self.secrets, accept_without_mac=self.accept_without_mac)


class CommandKeySettings(RunKeySettings):
    """The secrets from which the keys of commands are derived, shared by session-api and task-runner."""

    secrets: tuple[str, ...] = Field(
        (),
        repr=False,
        validation_alias="ONBOARDING_COMMAND_SECRETS",
        description="Secrets of 32 characters or more, separated by commas, the newest first; unset = none is checked",
    )

    @property
    def keys(self) -> RunKeys:
        """The keys of commands."""
        return RunKeys(self.secrets, accept_without_mac=self.accept_without_mac, purpose=Purpose.COMMANDS)


class KafkaSettings(Settings):
    """Connection to the Kafka broker; the field names are those of aiokafka."""

    bootstrap_servers: str = Field(
        validation_alias="KAFKA_BOOTSTRAP_SERVERS", description="host:port of the brokers, separated by commas"
    )
    security_protocol: Literal["PLAINTEXT", "SSL", "SASL_PLAINTEXT", "SASL_SSL"] = Field(
        "PLAINTEXT", validation_alias="KAFKA_SECURITY_PROTOCOL"
    )
    sasl_mechanism: Literal["PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512"] = Field(
        "PLAIN", validation_alias="KAFKA_SASL_MECHANISM"
    )
    sasl_username: str | None = Field(None, validation_alias="KAFKA_SASL_USERNAME")
    sasl_password: str | None = Field(None, validation_alias="KAFKA_SASL_PASSWORD", repr=False)
    ssl_cafile: str | None = Field(
        None, validation_alias="KAFKA_SSL_CAFILE", description="PEM file of the authorities; unset = the system's"
    )
    client_id: str = Field("onboarding", validation_alias="KAFKA_CLIENT_ID")
    enable_idempotence: bool = Field(
        True, validation_alias="KAFKA_ENABLE_IDEMPOTENCE", description="Off only for a broker that cannot do it"
    )
    topic_partitions: int = Field(12, ge=1, le=10_000, validation_alias="ONBOARDING_TOPIC_PARTITIONS")
    replication_factor: int = Field(
        -1,
        ge=-1,
        le=100,
        validation_alias="ONBOARDING_TOPIC_REPLICATION_FACTOR",
        description="-1 = the broker's default",
    )
    sequence_window: int = Field(
        10_000,
        ge=1,
        le=10**9,
        validation_alias="ONBOARDING_SEQUENCE_WINDOW",
        description="How many numbers of a tenant's sequence may be missing before a message",
    )
    dead_letter_days: int = Field(
        30, ge=1, le=3650, validation_alias="ONBOARDING_DEAD_LETTER_DAYS", description="How long dead letters are kept"
    )
    dead_letters_kept: int = Field(
        2_000,
        ge=10,
        le=10_000_000,
        validation_alias="ONBOARDING_DEAD_LETTERS_KEPT",
        description="Dead letters that are kept at most; the oldest are removed",
    )
    fetch_max_wait_ms: int = Field(500, ge=0, le=60_000, validation_alias="ONBOARDING_FETCH_MAX_WAIT_MS")

    @model_validator(mode="after")
    def _sasl_needs_a_user(self) -> Self:
        if self.security_protocol.startswith("SASL") and not (self.sasl_username and self.sasl_password):
            raise ValueError(
                "KAFKA_SASL_USERNAME and KAFKA_SASL_PASSWORD must be set when KAFKA_SECURITY_PROTOCOL is "
                + self.security_protocol
            )
        return self

    def client_options(self) -> dict[str, Any]:
        """The keyword arguments common to all aiokafka clients (producer, consumer, admin)."""
        options: dict[str, Any] = {
            "bootstrap_servers": self.bootstrap_servers,
            "client_id": self.client_id,
            "security_protocol": self.security_protocol,
        }
        if self.security_protocol.endswith("SSL"):
            options["ssl_context"] = _ssl_context(self.ssl_cafile)
        if self.security_protocol.startswith("SASL"):
            options["sasl_mechanism"] = self.sasl_mechanism
            options["sasl_plain_username"] = self.sasl_username
            options["sasl_plain_password"] = self.sasl_password
        return options


@lru_cache(maxsize=1)
def _ssl_context(cafile: str | None) -> SSLContext:
    """The file is read once: clients are made anew while the process works, when a read must not block it."""
    return create_ssl_context(cafile=cafile)
