"""Counts the messages that are passed over because this version does not know their type, and logs each type once."""

from collections.abc import Iterable

import structlog

from onboarding_shared.contracts.cloudevents import PassedOver
from onboarding_shared.messaging import metrics

_LOGGED_TYPES = 100
"""Maximum number of logged types: a later version adds a few, and whoever forges messages may name any number."""

_log = structlog.get_logger(__name__)


class PassedOverTypes:
    """The types that a consumer does not know and has met."""

    def __init__(self) -> None:
        self._logged: set[tuple[str, str]] = set()

    def count(self, messages: Iterable[PassedOver]) -> None:
        """Count each message, and log each type the first time."""
        for message in messages:
            metrics.PASSED_OVER.labels(message.topic).inc()
            place = (message.topic, message.event_type)
            if place not in self._logged and len(self._logged) < _LOGGED_TYPES:
                self._logged.add(place)
                _log.warning("message_type_unknown", topic=message.topic, event_type=message.event_type)
