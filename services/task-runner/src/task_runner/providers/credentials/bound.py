"""The tenant bindings of this process, from the operator's file. What a message says about a tenant proves nothing."""

import contextlib
from pathlib import Path

import structlog

from onboarding_shared.contracts.bindings import (
    MAX_BINDINGS_BYTES,
    NO_BINDINGS,
    Bindings,
    MicrosoftTenant,
    TenantBinding,
    parse_bindings,
)
from onboarding_shared.process.file_reads import BLOCKING_CALLS, UnreadableFile, read_regular_file
from task_runner.providers.tenant_connection import TenantConnection

READ_EVERY_SECONDS = 2.0

_log = structlog.get_logger(__name__)


class BindingFile:
    """The bindings in a file, which is read again when it changed. Without a file nothing is bound."""

    def __init__(self, path: str | None, *, partner_tenant_id: str | None = None) -> None:
        self._path = path
        self._partner = partner_tenant_id
        self._content: bytes | None = None
        self._bindings: Bindings = NO_BINDINGS
        self._problem: str | None = None

    def allows(self, use: TenantConnection) -> bool:
        """True if the tenant is bound to the customer's Microsoft tenant with this application and credential."""
        connection = use.connection
        customer = MicrosoftTenant(connection.cloud, use.customer_tenant.lower())
        wanted = TenantBinding(
            tenant_id=use.tenant_id,
            external_tenant_id=customer.external_tenant_id,
            cloud=customer.cloud,
            client_id=connection.client_id.lower(),
            credential=connection.credential_ref,
        )
        return self._bindings.get(customer) == wanted

    @property
    def problem(self) -> str | None:
        """The reason why the file cannot be used; None if it can, or there is none to be read."""
        return self._problem

    def read(self) -> None:
        """Read the file if it changed. A missing file binds nothing; of an unusable one the last usable text stays."""
        if self._path is None:
            return
        try:
            content = read_regular_file(Path(self._path).resolve(), MAX_BINDINGS_BYTES)
        except FileNotFoundError:
            self._content, self._bindings = None, NO_BINDINGS
            self._report("bindings_missing", "does not exist")
            return
        except (OSError, UnreadableFile, RuntimeError) as error:
            self._content = None
            self._report("bindings_unusable", str(error))
            return
        if content == self._content:
            return
        self._content = content
        try:
            self._bindings = parse_bindings(content, partner_tenant_id=self._partner)
        except ValueError as error:
            self._report("bindings_unusable", str(error))
            return
        self._problem = None
        _log.info("bindings_read", path=self._path, bindings=len(self._bindings))

    def _report(self, event: str, reason: str) -> None:
        """Log a problem once, however often the file is read."""
        if reason != self._problem:
            _log.error(event, path=self._path, reason=reason)
        self._problem = reason

    async def refresh(self) -> float:
        """Read the file in a thread; returns the seconds until the next time."""
        await BLOCKING_CALLS.run(("bindings", self._path), self.read)
        return READ_EVERY_SECONDS

    async def refresh_for(self, use: TenantConnection) -> None:
        """Read the file now if it did not allow this so far: the operator may just have added it."""
        if self._path is not None and not self.allows(use):
            with contextlib.suppress(TimeoutError):
                await self.refresh()
