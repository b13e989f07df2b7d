"""The actions of ``session-api bindings``, with the transactions and audit events of the API."""

import argparse
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from onboarding_shared.commands.rows import print_rows
from onboarding_shared.contracts.bindings import (
    MAX_BINDINGS_BYTES,
    Bindings,
    MicrosoftTenant,
    TenantBinding,
    parse_bindings,
)
from onboarding_shared.messaging.outbox import Outbox
from onboarding_shared.postgres.database import Database
from onboarding_shared.postgres.faults import DATABASE_ERRORS, unreachable
from onboarding_shared.process.file_reads import UnreadableFile, read_regular_file
from onboarding_shared.service import CannotStart
from onboarding_shared.telemetry.logging import configure_logging
from onboarding_shared.web.server import run
from session_api.domain.bindings import BindingChange, ChangeKind, ToPartner, changes, refusal
from session_api.domain.connections import CREDENTIAL_RULE
from session_api.settings import BindingsSettings
from session_api.store.bindings import StoredBinding, list_all_bindings
from session_api.use_cases.bindings import BindingInUse, TenantBindings

SERVICE = "session-api"
REFUSED = "refused"
IN_USE = """another onboarding tenant has active runs on the Microsoft tenant {microsoft}
next: remove its binding, which cancels them; repeat this command when they have ended"""

TO_PARTNER = """the Microsoft tenant is the partner's own, which is no customer
next: give the tenant id of the customer"""


def carry_out(settings: BindingsSettings, arguments: argparse.Namespace) -> None:
    """Carry out one action. The log has warnings at least, because stdout is for rows. Raises ``CannotStart``."""
    configure_logging(settings.log.model_copy(update={"level": "WARNING"}), service=SERVICE)
    database = Database(settings.database.url, application_name=f"{SERVICE}-bindings")
    actions = BindingActions(settings, database, arguments)
    action = {
        "list": actions.list_bindings,
        "set": actions.set_binding,
        "remove": actions.remove_binding,
        "apply": actions.apply_file,
    }[arguments.action]

    async def work() -> None:
        try:
            await action()
        except DATABASE_ERRORS as error:
            cause = unreachable(error.__cause__ or error) or str(error).partition("\n")[0]
            next_step = "check DATABASE_URL and that `session-api migrate` has run; then repeat this command"
            raise CannotStart(f"the database cannot be used: {cause}\nnext: {next_step}") from error
        finally:
            await database.close()

    run(work())


class BindingActions:
    """The actions on one database."""

    def __init__(self, settings: BindingsSettings, database: Database, arguments: argparse.Namespace) -> None:
        self._settings = settings
        self._database = database
        self._arguments = arguments
        self._bindings = TenantBindings(
            database,
            Outbox(command_keys=settings.command_keys.keys),
            silence_seconds=settings.silence_seconds,
        )

    async def list_bindings(self) -> None:
        """Print the stored bindings."""
        wanted = self._arguments.tenant
        stored = await self._stored()
        print_rows([_row(known) for known in stored if wanted in (None, known.binding.tenant_id)])

    async def set_binding(self) -> None:
        """Set one binding, and print it."""
        given = self._arguments
        binding = TenantBinding(
            tenant_id=given.tenant,
            external_tenant_id=given.microsoft_tenant,
            cloud=given.cloud,
            client_id=given.client_id,
            credential=given.credential,
        )
        self._check(binding)
        stored = await self._bindings.set(binding, given.user)
        if isinstance(stored, BindingInUse):
            raise CannotStart(IN_USE.format(microsoft=_name(binding.microsoft_tenant)))
        print_rows([_row(stored)])

    async def remove_binding(self) -> None:
        """Remove one binding; that there is none is no error."""
        microsoft = MicrosoftTenant(self._arguments.cloud, self._arguments.microsoft_tenant)
        removed = await self._bindings.remove(microsoft, self._arguments.user)
        print_rows([{"cloud": microsoft.cloud, "external_tenant_id": microsoft.external_tenant_id, "removed": removed}])

    async def apply_file(self) -> None:
        """Make the stored bindings those of the file, one transaction for each, and print every change."""
        wanted = _read(Path(self._arguments.file), self._settings.partner_tenant_id)
        for number, binding in enumerate(wanted.values(), start=1):
            self._check(binding, place=f"{self._arguments.file}: entry {number}: ")
        stored = {known.binding.microsoft_tenant: known.binding for known in await self._stored()}
        planned = list(changes(stored, wanted))
        rows: list[dict[str, Any]] = []
        try:
            for change in planned:
                outcome = await self._change(change)
                rows.append(_changed(change, outcome))
        finally:
            print_rows(rows)
        counts = {kind: sum(change.kind is kind for change in planned) for kind in ChangeKind}
        unchanged = len(wanted) - counts[ChangeKind.ADD] - counts[ChangeKind.CHANGE]
        words = ", ".join(f"{kind} {count}" for kind, count in counts.items())
        print(f"{SERVICE}: {words}, unchanged {unchanged}", file=sys.stderr)
        refused = [f"{row['cloud']}/{row['external_tenant_id']}" for row in rows if row["outcome"] == REFUSED]
        if refused:
            raise CannotStart("\n".join(IN_USE.format(microsoft=microsoft) for microsoft in refused))

    async def _change(self, change: BindingChange) -> str:
        if self._arguments.dry_run:
            return "planned"
        if change.kind is ChangeKind.REMOVE:
            await self._bindings.remove(change.binding.microsoft_tenant, self._arguments.user)
            return "done"
        stored = await self._bindings.set(change.binding, self._arguments.user)
        return REFUSED if isinstance(stored, BindingInUse) else "done"

    async def _stored(self) -> list[StoredBinding]:
        return await self._database.run_single(list_all_bindings)

    def _check(self, binding: TenantBinding, place: str = "") -> None:
        settings = self._settings
        refused = refusal(
            binding, partner_tenant_id=settings.partner_tenant_id, references=settings.credential_references
        )
        if isinstance(refused, ToPartner):
            next_step = "give the tenant id of the customer"
            raise CannotStart(
                f"{place}the Microsoft tenant is the partner's own, which is no customer\nnext: {next_step}"
            )
        if refused is not None:
            raise CannotStart(f"{place}{CREDENTIAL_RULE}\nnext: give the name of an entry of ONBOARDING_CREDENTIALS")


def _read(path: Path, partner_tenant_id: str | None) -> Bindings:
    try:
        content = read_regular_file(path.resolve(), MAX_BINDINGS_BYTES)
        return parse_bindings(content, partner_tenant_id=partner_tenant_id)
    except (OSError, UnreadableFile, RuntimeError) as error:
        reason = error.strerror if isinstance(error, OSError) else str(error)
        raise CannotStart(f"{path} cannot be read: {reason}\nnext: give the path of a file of bindings") from None
    except ValueError as error:
        raise CannotStart(f"{path}: {error}\nnext: correct the file; nothing was changed") from None


def _name(microsoft: MicrosoftTenant) -> str:
    return f"{microsoft.cloud}/{microsoft.external_tenant_id}"


def _row(stored: StoredBinding) -> Mapping[str, Any]:
    return {
        **_members(stored.binding),
        "set_at": stored.set_at.isoformat(timespec="seconds").replace("+00:00", "Z"),
        "set_by_user_id": stored.set_by_user_id,
    }


def _members(binding: TenantBinding) -> dict[str, Any]:
    return {name: getattr(binding, name) for name in binding.__struct_fields__}


def _changed(change: BindingChange, outcome: str) -> dict[str, Any]:
    new = _members(change.binding)
    row: dict[str, Any] = {"change": change.kind.value, **new}
    if change.before is not None:
        row["before"] = {name: value for name, value in _members(change.before).items() if value != new[name]}
    return {**row, "outcome": outcome}
