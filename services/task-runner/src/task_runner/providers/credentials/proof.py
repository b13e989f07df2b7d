"""The members of a token request that prove which application sends it."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final, Protocol

import structlog

from onboarding_shared.process.file_reads import BLOCKING_CALLS
from task_runner.providers.credentials.files import Read, UnreadableCredential
from task_runner.tasks.result import TaskFault

MISSING = "CREDENTIAL_MISSING"
INVALID = "CREDENTIAL_INVALID"
ASSERTION_TYPE: Final = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"

READ_SECONDS = 5.0
"""Longest time for which a run waits for the file of a credential."""

_log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Proof:
    """The members of one token request. ``hidden`` are texts to keep out of messages; ``repr`` contains neither."""

    members: Mapping[str, str] = field(repr=False)
    hidden: tuple[str, ...] = field(default=(), repr=False)
    expires_at: datetime | None = None
    """The end of the credential itself; None = not known."""


class Credential(Protocol):
    """The proof of an application's identity. ``name`` is for messages."""

    @property
    def name(self) -> str: ...

    async def prove(self, token_url: str) -> Proof:
        """A proof for one request to this address. Raises ``TaskFault`` or ``CannotTell``."""
        ...

    def forget(self) -> None:
        """Keep nothing of the last proof: it was refused."""


def assertion_proof(assertion: str, hidden: tuple[str, ...] = (), expires_at: datetime | None = None) -> Proof:
    """The proof that consists of a signed assertion."""
    members = {"client_assertion_type": ASSERTION_TYPE, "client_assertion": assertion}
    return Proof(members, (assertion, *hidden), expires_at)


async def read_text(name: str, read: Read) -> str:
    """Read a credential in a thread. Raises ``TaskFault`` ``CREDENTIAL_MISSING``; the reason is in the log only.

    A file that does not answer in time, as in a dead network folder, is as good as missing.
    """
    try:
        return await BLOCKING_CALLS.run(("credential", name, read), read, READ_SECONDS)
    except (UnreadableCredential, TimeoutError) as error:
        reason = f"it was not read within {READ_SECONDS:g} s" if isinstance(error, TimeoutError) else str(error)
        _log.warning("credential_unreadable", credential_name=name, reason=reason)
        message = f"The credential {name} cannot be read; see the log of task-runner."
        raise TaskFault(MISSING, message) from None


class SecretCredential:
    """A client secret, read anew for each token request."""

    def __init__(self, name: str, read: Read) -> None:
        self.name = name
        self._read = read

    async def prove(self, token_url: str) -> Proof:
        secret = await read_text(self.name, self._read)
        return Proof({"client_secret": secret}, (secret,))

    def forget(self) -> None:
        """Nothing is kept."""


class FederatedTokenFile:
    """A token of another issuer in a file that its platform replaces, read anew for each token request."""

    def __init__(self, name: str, read: Read) -> None:
        self.name = name
        self._read = read

    async def prove(self, token_url: str) -> Proof:
        return assertion_proof(await read_text(self.name, self._read))

    def forget(self) -> None:
        """Nothing is kept."""
