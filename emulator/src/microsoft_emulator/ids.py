"""Ids of the objects of a tenant, and the tenant of the partner."""

import re
import uuid

PARTNER_TENANT = "a0000000-0000-4000-8000-000000000001"
"""The partner's tenant, which has the relationships with all others."""

GUID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")


def is_guid(text: str) -> bool:
    """True for a GUID in upper or lower case."""
    return GUID.fullmatch(text.lower()) is not None


def stable_id(tenant: str, name: str) -> str:
    """The id of the object ``name`` in a tenant: the same at each start."""
    return str(uuid.uuid5(uuid.UUID(tenant), name))
