"""The settings of evidence-store; it has none of its own beside what every service has."""

from onboarding_shared.process.service_settings import IdentitySettings, ServiceSettings


class EvidenceStoreSettings(ServiceSettings):
    """The settings of ``evidence-store serve``."""

    identity: IdentitySettings
