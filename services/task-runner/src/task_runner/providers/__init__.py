"""The outside world of a task: HTTP, credentials, Microsoft Graph and its clouds."""
