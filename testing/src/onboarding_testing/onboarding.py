"""A running system as a test sees it."""

import contextlib
import itertools
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Literal, Self

from onboarding_devstack.event_log import EventReader
from onboarding_devstack.identity import PERMISSIONS, Identity
from onboarding_shared.process.message_settings import KafkaSettings
from onboarding_testing.background import BackgroundLoop
from onboarding_testing.events import Events
from onboarding_testing.tenant import Tenant

FIRST_TENANT = 1001
USER = 7
"""The user of the tokens of tenants."""


@dataclass(frozen=True)
class Access:
    """What a test needs of a system: its addresses, the key pair of its tokens, its broker, and its operator.

    ``bind`` lets a tenant reach the Microsoft tenant of its customer, as the operator does.
    """

    api_url: str
    graph_url: str
    identity: Identity
    kafka: KafkaSettings
    bind: Callable[[int, BackgroundLoop], None]


class Onboarding:
    """A running system; what the fixture ``onboarding`` is. Use with ``with``.

    ``api_url`` is session-api, ``graph_url`` the Microsoft emulator, ``kafka`` the broker's ``HOST:PORT`` for the
    service that is tested; ``events`` has every event since the start of the system.
    """

    events: Events

    def __init__(self, access: Access, *, first_tenant: int = FIRST_TENANT) -> None:
        """Tenants get the ids from ``first_tenant`` on."""
        self.api_url = access.api_url
        self.graph_url = access.graph_url
        self.kafka = access.kafka.bootstrap_servers
        self._access = access
        self._loop = BackgroundLoop()
        self._ids = itertools.count(first_tenant)
        self._open = contextlib.ExitStack()

    def __enter__(self) -> Self:
        with contextlib.ExitStack() as opened:
            opened.enter_context(self._loop)
            self.events = opened.enter_context(Events(self._loop, lambda: self._reader(from_start=True)))
            self._open = opened.pop_all()
        return self

    def __exit__(self, *_: object) -> None:
        self._open.close()

    def tenant(self, *, user: int = USER) -> Tenant:
        """A new tenant that no other test of this run has, seen by ``user``."""
        tenant = next(self._ids)
        created = Tenant(
            tenant,
            api_url=self.api_url,
            graph_url=self.graph_url,
            token=self.token(user, [tenant]),
            bind=lambda bound: self._access.bind(bound, self._loop),
        )
        return self._open.enter_context(created)

    def token(
        self,
        user: int = USER,
        tenants: Iterable[int] | Literal["all"] = (),
        permissions: Iterable[str] = PERMISSIONS,
    ) -> str:
        """A token of a user for some tenants, with these permissions in each of them."""
        return self._access.identity.token(user, tenants if isinstance(tenants, str) else list(tenants), permissions)

    @contextlib.contextmanager
    def follow(self, begin: Literal["now", "start"] = "now") -> Iterator[Events]:
        """Read the events once more: only those that are published from now on, or all again."""
        with Events(self._loop, lambda: self._reader(from_start=begin == "start")) as events:
            yield events

    def _reader(self, *, from_start: bool) -> EventReader:
        return EventReader(self._access.kafka, from_start=from_start)
