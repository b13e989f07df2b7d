"""Tenant bindings: the tenant, application and credential with which each Microsoft tenant may be reached.

The settings file of both services is a JSON list of them. One reader, so that both services believe the same.
"""

from collections.abc import Iterable, Mapping
from types import MappingProxyType
from typing import Annotated, Final

import msgspec
from msgspec import Meta

from onboarding_shared.contracts.clouds import CLOUDS
from onboarding_shared.contracts.credentials import CREDENTIAL_NAME_PATTERN
from onboarding_shared.contracts.types import GUID_PATTERN, Id

Guid = Annotated[str, Meta(pattern=rf"^{GUID_PATTERN}\Z")]
CredentialName = Annotated[
    str, Meta(pattern=rf"^(?:{CREDENTIAL_NAME_PATTERN}|env:[^\x00-\x20]+|file:/[^\x00-\x1f]+)\Z")
]
MAX_BINDINGS_BYTES: Final = 16 * 1024 * 1024


class MicrosoftTenant(msgspec.Struct, frozen=True, order=True):
    """A tenant at Microsoft. Its GUID is in lower case."""

    cloud: str
    external_tenant_id: str


class TenantBinding(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Runs of the onboarding tenant may reach this Microsoft tenant, as this application and with this credential.

    ``credential`` is the name of a credential of task-runner, or an old reference; it is never the credential itself.
    """

    tenant_id: Id
    external_tenant_id: Guid
    cloud: Annotated[str, Meta(max_length=20)] = "public"
    client_id: Guid
    credential: Annotated[CredentialName, Meta(max_length=500)]

    @property
    def microsoft_tenant(self) -> MicrosoftTenant:
        """The Microsoft tenant: bound to one onboarding tenant at most."""
        return MicrosoftTenant(self.cloud, self.external_tenant_id)


def normalized(binding: TenantBinding) -> TenantBinding:
    """The same binding with its GUIDs in lower case."""
    return msgspec.structs.replace(
        binding, external_tenant_id=binding.external_tenant_id.lower(), client_id=binding.client_id.lower()
    )


Bindings = Mapping[MicrosoftTenant, TenantBinding]
NO_BINDINGS: Final[Bindings] = MappingProxyType({})


def parse_bindings(text: str | bytes, *, partner_tenant_id: str | None = None) -> Bindings:
    """The bindings in a settings file. Raises ``ValueError``, which says which entry breaks which rule.

    The partner's own tenant is no customer, and is never bound.
    """
    try:
        entries = msgspec.json.decode(text, type=list[TenantBinding])
    except (msgspec.DecodeError, RecursionError) as error:
        raise ValueError(f"is not a list of tenant bindings: {error}") from None
    return _by_microsoft_tenant(map(normalized, entries), (partner_tenant_id or "").lower())


def _by_microsoft_tenant(entries: Iterable[TenantBinding], partner: str) -> Bindings:
    bindings: dict[MicrosoftTenant, TenantBinding] = {}
    for number, entry in enumerate(entries, start=1):
        if entry.cloud not in CLOUDS:
            raise ValueError(f"entry {number}: cloud must be one of {', '.join(CLOUDS)}")
        if entry.external_tenant_id == partner:
            raise ValueError(f"entry {number}: the Microsoft tenant is the partner's own, which is no customer")
        if entry.microsoft_tenant in bindings:
            raise ValueError(f"entry {number}: this Microsoft tenant is bound by an earlier entry already")
        bindings[entry.microsoft_tenant] = entry
    return bindings
