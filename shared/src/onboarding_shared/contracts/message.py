"""What every message has in common."""

from typing import ClassVar

from msgspec import Struct

from onboarding_shared.contracts.topics import Topic
from onboarding_shared.contracts.types import TenantKey

TYPE_PREFIX = "org.onboarding."
VERSION = "v1"


class Message(Struct, frozen=True, kw_only=True, tag_field="type", tag=True):
    """A command or an event. Its JSON carries the class name as ``type``, so a topic is one tagged union.

    Fields may be added within a version, with a default; readers ignore the ones they do not know.
    """

    topic: ClassVar[Topic]

    tenant_id: TenantKey

    @property
    def subject(self) -> str:
        """What the message is about, as the CloudEvents attribute ``subject``."""
        return f"tenants/{self.tenant_id}"

    @classmethod
    def event_type(cls) -> str:
        """The CloudEvents attribute ``type``, for example ``org.onboarding.StartTask.v1``."""
        return f"{TYPE_PREFIX}{cls.__name__}.{VERSION}"
