"""The settings of evidence-store."""

from pydantic import Field

from onboarding_shared.process.message_settings import RunKeySettings
from onboarding_shared.process.service_settings import IdentitySettings, ServiceSettings


class EvidenceStoreSettings(ServiceSettings):
    """The settings of ``evidence-store serve``."""

    identity: IdentitySettings
    run_keys: RunKeySettings = Field(default_factory=RunKeySettings)
