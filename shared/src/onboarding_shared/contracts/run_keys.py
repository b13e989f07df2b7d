"""Keys of runs, and the message authentication codes (MAC) of what is said about them: HMAC with SHA-256 (RFC 2104).

session-api and evidence-store derive the key of a run from secrets that they share. session-api sends it to the runner
in the command, and the runner's messages on the run carry a MAC. So a result counts only if its author got the command
of the run; who may read the results learns no key.

session-api and task-runner share other secrets, for the commands: only a command with a MAC is carried out, so that
nobody else's takes the id of a run.
"""

import hashlib
import hmac
from collections.abc import Sequence
from enum import StrEnum

SHORTEST_SECRET = 32
"""Minimum length of a secret, in characters."""


class Purpose(StrEnum):
    """The purpose of a key: it is derived for one purpose only."""

    RESULTS = "run"
    COMMANDS = "command"


class RunKeys:
    """Derives the keys of runs. The first secret is that of new runs; the others are of earlier ones."""

    def __init__(
        self, secrets: Sequence[str], *, accept_without_mac: bool = False, purpose: Purpose = Purpose.RESULTS
    ) -> None:
        """``accept_without_mac``: a message without a MAC is accepted; one with a wrong MAC never is."""
        self._purpose = purpose.value
        self._accept_without_mac = accept_without_mac
        self._secrets = [secret.encode() for secret in secrets]

    def __repr__(self) -> str:
        return f"RunKeys({len(self._secrets)} secrets)"

    def key_of(self, tenant_id: int, run_id: int) -> str | None:
        """Return the key of a run, 64 hexadecimal digits; None without a secret."""
        return self._derived(self._secrets[0], tenant_id, run_id) if self._secrets else None

    def accept(self, mac: str | None, tenant_id: int, run_id: int, *, topic: str, sequence: int, data: bytes) -> bool:
        """Return True if the MAC is that of the message on this run, or if none is needed."""
        if not self._secrets or (mac is None and self._accept_without_mac):
            return True
        if mac is None:
            return False
        for secret in self._secrets:
            key = self._derived(secret, tenant_id, run_id)
            if hmac.compare_digest(mac.encode(), mac_of(key, topic, sequence, data).encode()):
                return True
        return False

    def _derived(self, secret: bytes, tenant_id: int, run_id: int) -> str:
        return hmac.digest(secret, f"{self._purpose}\n{tenant_id}\n{run_id}".encode(), hashlib.sha256).hex()


def mac_of(key: str, topic: str, sequence: int, data: bytes) -> str:
    """Return the MAC of a message, 64 hexadecimal digits. It includes the sequence, so that no copy can move it on."""
    return hmac.digest(key.encode(), f"{topic}\n{sequence}\n".encode() + data, hashlib.sha256).hex()
