"""The names of credentials. An operator defines them at the task runner; a connection names one."""

CREDENTIAL_NAME_PATTERN = r"[a-z][a-z0-9-]{0,62}"
"""The name of a credential, not anchored."""
