"""Tenant bindings: what none may contain, and what changes where a file is the truth."""

from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum

from onboarding_shared.contracts.bindings import Bindings, TenantBinding
from session_api.domain.connections import names_credential


class ToPartner:
    """The Microsoft tenant is the partner's own, which is no customer."""


class NoCredentialName:
    """``credential`` is not the name of a credential; it could be the credential itself."""


def refusal(
    binding: TenantBinding, *, partner_tenant_id: str | None, references: bool
) -> ToPartner | NoCredentialName | None:
    """The reason why a binding must not be set, else None. With ``references`` old references to credentials may be."""
    if partner_tenant_id is not None and binding.external_tenant_id.lower() == partner_tenant_id.lower():
        return ToPartner()
    if not names_credential(binding.credential, references=references):
        return NoCredentialName()
    return None


class ChangeKind(StrEnum):
    """A change of the binding of a Microsoft tenant."""

    REMOVE = "remove"
    CHANGE = "change"
    ADD = "add"


@dataclass(frozen=True, slots=True)
class BindingChange:
    """``binding`` is the new one, or the one that is removed; ``before`` is the one that is replaced."""

    kind: ChangeKind
    binding: TenantBinding
    before: TenantBinding | None = None


def changes(stored: Bindings, wanted: Bindings) -> Iterator[BindingChange]:
    """The changes that make the stored bindings the wanted ones: removals first, in the order of Microsoft tenants."""
    for microsoft in sorted(stored.keys() - wanted.keys()):
        yield BindingChange(ChangeKind.REMOVE, stored[microsoft])
    for microsoft in sorted(wanted):
        before = stored.get(microsoft)
        if before is None:
            yield BindingChange(ChangeKind.ADD, wanted[microsoft])
        elif before != wanted[microsoft]:
            yield BindingChange(ChangeKind.CHANGE, wanted[microsoft], before)
