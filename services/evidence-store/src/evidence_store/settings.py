"""The settings of evidence-store: those of every service, and no others."""

from onboarding_shared.process.service_settings import IdentitySettings, ServiceSettings


class EvidenceStoreSettings(ServiceSettings):
    """The settings of ``evidence-store serve``."""

    identity: IdentitySettings
