"""The credential that a connection names, if its tenant, application and cloud may use it."""

import re

from onboarding_shared.contracts.credentials import CREDENTIAL_NAME_PATTERN
from task_runner.named_credentials import CredentialKind, NamedCredential, is_usable_source
from task_runner.providers.credentials.bound import BindingFile
from task_runner.providers.credentials.certificates import CertificateCredential
from task_runner.providers.credentials.files import reader_of
from task_runner.providers.credentials.managed_identity import ManagedIdentities, ManagedIdentity
from task_runner.providers.credentials.proof import MISSING, Credential, FederatedTokenFile, SecretCredential
from task_runner.providers.settings import ProviderSettings
from task_runner.providers.tenant_connection import TenantConnection
from task_runner.tasks.result import TaskFault

NOT_FOR_TENANT = "CREDENTIAL_NOT_FOR_TENANT"
NOT_ALLOWED = "CREDENTIAL_NOT_ALLOWED"
CLIENT_MISMATCH = "CREDENTIAL_CLIENT_MISMATCH"

_NAME = re.compile(CREDENTIAL_NAME_PATTERN)


class Credentials:
    """All credentials of the process. Reads none: that happens for each token request."""

    def __init__(
        self, settings: ProviderSettings, bindings: BindingFile, identities: ManagedIdentities | None = None
    ) -> None:
        self._settings = settings
        self._bindings = bindings
        self._identities = identities or ManagedIdentities()
        self._made: dict[tuple[str, str], Credential] = {}

    def of(self, use: TenantConnection) -> Credential:
        """The credential that a connection names. Raises ``TaskFault`` if there is none, or it must not be used.

        The binding comes first: without one the answer is the same, whether or not the credential exists.
        """
        reference = use.connection.credential_ref
        named = self._settings.credentials.get(reference)
        if not self._bindings.allows(use):
            message = "The tenant is not bound to this Microsoft tenant with this application and credential."
            raise TaskFault(NOT_FOR_TENANT, message)
        if reference.startswith(("env:", "file:")):
            return self._referenced(reference)
        if named is None:
            shown = f" {reference}" if _NAME.fullmatch(reference) else " of this name"
            raise TaskFault(MISSING, f"The task runner has no credential{shown}.")
        check_use(named, use)
        key = named.name, use.connection.cloud
        if key not in self._made:
            self._made[key] = self._make(named, use.connection.cloud)
        return self._made[key]

    async def close(self) -> None:
        """Close every connection."""
        await self._identities.close()

    def _make(self, named: NamedCredential, cloud: str) -> Credential:
        match named.kind:
            case CredentialKind.SECRET:
                return SecretCredential(named.name, reader_of(named.source))
            case CredentialKind.CERTIFICATE:
                return CertificateCredential(named.name, named.client_id, reader_of(named.source))
            case CredentialKind.FEDERATED_TOKEN_FILE:
                return FederatedTokenFile(named.name, reader_of(named.source))
            case CredentialKind.MANAGED_IDENTITY:
                return ManagedIdentity(named.name, self._identities, named.source, cloud)

    def _referenced(self, reference: str) -> Credential:
        """The secret of an old reference, where the settings allow this kind of reference."""
        kind, _, where = reference.partition(":")
        prefix, directory = self._settings.credential_prefix, self._settings.credential_directory
        allowed = bool(prefix) and where.startswith(prefix) if kind == "env" else bool(directory)
        if not allowed or not is_usable_source(reference):
            raise TaskFault(NOT_ALLOWED, "The task runner does not allow this reference to a credential.")
        return SecretCredential(reference, reader_of(reference, directory=directory))


def check_use(named: NamedCredential, use: TenantConnection) -> None:
    """Raises ``TaskFault`` unless this connection of this tenant may use the credential."""
    if not named.allows_tenant(use.tenant_id):
        raise TaskFault(NOT_ALLOWED, f"The credential {named.name} is not for the tenant {use.tenant_id}.")
    if use.connection.cloud not in named.clouds:
        raise TaskFault(NOT_ALLOWED, f"The credential {named.name} is not for the cloud {use.connection.cloud}.")
    if use.connection.client_id.lower() != named.client_id:
        message = f"The credential {named.name} is of another application than the connection's client id."
        raise TaskFault(CLIENT_MISMATCH, message)
