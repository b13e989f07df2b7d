"""A healthy customer's tenant of the Graph-shaped server, and the runner's settings of its emergency access."""

import uuid
from typing import Any

TENANT = "aaaaaaaa-0000-4000-8000-00000000000d"
ACCOUNT = str(uuid.uuid5(uuid.UUID(TENANT), "user/Emergency Access"))
TOLD: dict[str, Any] = {"emergency_access": {TENANT: (ACCOUNT,)}}
"""Fields of ``ProviderSettings``."""
