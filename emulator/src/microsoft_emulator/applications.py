"""The registered applications: credentials, required permissions and redirect URIs."""

from datetime import datetime
from typing import Any

import msgspec
from cryptography import x509
from joserfc.errors import JoseError
from joserfc.jwk import KeySet

from microsoft_emulator.app_roles import APP_ROLES, unknown_names
from microsoft_emulator.ids import PARTNER_TENANT, is_guid


class Secret(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A client secret; ``expires_at`` None = never."""

    value: str
    expires_at: datetime | None = None


class Federated(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A federated credential: tokens of another issuer, with its public keys."""

    issuer: str
    subject: str
    audience: str
    jwks: dict[str, Any]


class Application(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The body of ``PUT /_control/applications/{client_id}``.

    ``certificates`` are PEM texts. ``required_app_roles`` are names of permissions (None = those that onboarding
    requires), ``required_scopes`` delegated permissions. ``single_tenant``: usable in ``home_tenant`` only.
    """

    display_name: str = "Managed tenant onboarding"
    secrets: tuple[Secret, ...] = ()
    certificates: tuple[str, ...] = ()
    federated: tuple[Federated, ...] = ()
    required_app_roles: tuple[str, ...] | None = None
    required_scopes: tuple[str, ...] = ()
    redirect_uris: tuple[str, ...] = ()
    single_tenant: bool = False
    home_tenant: str = PARTNER_TENANT

    @property
    def is_public(self) -> bool:
        """True without any credential."""
        return not (self.secrets or self.certificates or self.federated)

    @property
    def app_roles(self) -> tuple[str, ...]:
        """The names of the required permissions."""
        return APP_ROLES.required_by_default if self.required_app_roles is None else self.required_app_roles

    def usable_in(self, tenant: str) -> bool:
        """True unless the registration is single-tenant and this is another tenant."""
        return not self.single_tenant or tenant == self.home_tenant.lower()


def fault(client_id: str, application: Application) -> str | None:
    """The reason to refuse a registration; None if it is correct."""
    if not is_guid(client_id) or not is_guid(application.home_tenant):
        return "The client id and the home tenant must be GUIDs"
    if unknown := unknown_names(application.app_roles):
        return f"Unknown permissions: {', '.join(unknown)}"
    try:
        for certificate in application.certificates:
            x509.load_pem_x509_certificate(certificate.encode())
        for credential in application.federated:
            KeySet.import_key_set({"keys": credential.jwks.get("keys", [])})
    except (ValueError, TypeError, KeyError, JoseError) as error:
        return f"A certificate or key set cannot be read: {type(error).__name__}"
    return None


class Applications:
    """All registrations by client id, and the assertions that they have used."""

    def __init__(self) -> None:
        self._registered: dict[str, Application] = {}
        self._used: dict[tuple[str, str], float] = {}

    def register(self, client_id: str, application: Application) -> None:
        """Create or replace a registration."""
        self._registered[client_id.lower()] = application

    def of(self, client_id: str, tenant: str) -> Application | None:
        """The registration that is usable in a tenant; None if there is none."""
        application = self._registered.get(client_id.lower())
        return application if application and application.usable_in(tenant) else None

    def get(self, client_id: str) -> Application | None:
        """The registration with this client id."""
        return self._registered.get(client_id.lower())

    def use_once(self, client_id: str, assertion_id: str, until: float, now: float) -> bool:
        """Note the id of an assertion that is valid until a time; returns False if it was used before."""
        self._used = {key: end for key, end in self._used.items() if end > now}
        if (client_id, assertion_id) in self._used:
            return False
        self._used[client_id, assertion_id] = until
        return True

    def clear(self) -> None:
        """Remove every registration."""
        self._registered.clear()
        self._used.clear()
