"""The base class of all messages."""

import functools
from typing import ClassVar

from msgspec import Struct

from onboarding_shared.contracts.topics import Topic
from onboarding_shared.contracts.types import TenantKey

TYPE_PREFIX = "org.onboarding."
VERSION = "v1"


class Message(Struct, frozen=True, kw_only=True, tag_field="type", tag=True):
    """A command or an event. Its JSON has the class name as ``type``, so that a topic is a tagged union.

    Fields may be added within a version, with a default; readers ignore unknown fields.
    """

    topic: ClassVar[Topic]

    tenant_id: TenantKey

    @property
    def subject(self) -> str:
        """The CloudEvents attribute ``subject``."""
        return f"tenants/{self.tenant_id}"

    @classmethod
    @functools.cache
    def event_type(cls) -> str:
        """The CloudEvents attribute ``type``, for example ``org.onboarding.StartTask.v1``."""
        return f"{TYPE_PREFIX}{cls.__name__}.{VERSION}"
