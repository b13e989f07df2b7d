"""The outside world of a task: HTTP, credentials, Microsoft Graph and its clouds."""

from task_runner.providers.access import Providers
from task_runner.providers.settings import ProviderSettings

__all__ = ["ProviderSettings", "Providers"]
