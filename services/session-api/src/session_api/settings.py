"""The settings of session-api."""

from pydantic import Field, field_validator

from onboarding_shared.process.service_settings import IdentitySettings, ServiceSettings


class SessionApiSettings(ServiceSettings):
    """The settings of ``session-api serve``."""

    identity: IdentitySettings
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
    public_url: str = Field(
        "",
        validation_alias="ONBOARDING_PUBLIC_URL",
        description="Public URL of this API; unset = links in responses are paths without a host",
    )
    edit_lock_seconds: int = Field(
        900,
        ge=1,
        le=86_400,
        validation_alias="ONBOARDING_EDIT_LOCK_SECONDS",
        description="Seconds from the last use of an edit lock to its expiry",
    )
    silence_seconds: float = Field(
        20.0,
        gt=0,
        le=3600,
        validation_alias="ONBOARDING_SILENCE_SECONDS",
        description="Seconds without a message about a run after which its command is sent again",
    )
    sweep_seconds: float = Field(
        1.0,
        gt=0,
        le=600,
        validation_alias="ONBOARDING_SWEEP_SECONDS",
        description="Seconds between two sweeps for commands to send again",
    )

    @field_validator("evidence_store_url", "public_url")
    @classmethod
    def _is_http(cls, url: str) -> str:
        if url and not url.startswith(("http://", "https://")):
            raise ValueError("must start with http:// or https://")
        return url.rstrip("/")
