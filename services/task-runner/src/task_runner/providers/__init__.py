"""The providers that tasks use: HTTP, credentials, and Microsoft Graph in all clouds."""

from task_runner.providers.access import Providers
from task_runner.providers.settings import ProviderSettings

__all__ = ["ProviderSettings", "Providers"]
