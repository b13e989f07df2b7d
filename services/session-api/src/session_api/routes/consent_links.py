"""The link with which an administrator of the customer consents at Microsoft."""

from collections.abc import Mapping
from urllib.parse import quote, urlencode

from onboarding_shared.contracts.clouds import CLOUDS, hosts_of
from session_api.domain.starting import KnownConnection
from session_api.routes.consent_problems import consent_not_configured
from session_api.settings import ConsentSettings

CALLBACK = "/onboarding/consent/callback"
"""The address to which Microsoft sends the browser afterwards."""


class ConsentLinks:
    """Builds consent links. Microsoft accepts only redirect addresses that the registration of the application has."""

    def __init__(self, settings: ConsentSettings, public_url: str) -> None:
        self._graph_url, self._login_url = settings.graph_url, settings.login_url
        self._client_ids: Mapping[str, str] = settings.client_ids or {}
        self._redirect_url = settings.redirect_url or (f"{public_url}{CALLBACK}" if public_url else "")

    def check(self) -> None:
        """Raises ``Conflict`` CONSENT_NOT_CONFIGURED where the address to come back to is not known."""
        if not self._redirect_url:
            raise consent_not_configured()

    def url(self, connection: KnownConnection, secret: str) -> str:
        """The link for the tenant of this connection."""
        hosts = hosts_of(CLOUDS[connection.cloud], graph_url=self._graph_url, login_url=self._login_url)
        query = {
            "client_id": self._client_ids.get(connection.cloud, connection.client_id),
            "scope": f"{hosts.graph_url}/.default",
            "redirect_uri": self._redirect_url,
            "state": secret,
        }
        return (
            f"{hosts.login_url}/{connection.external_tenant_id}/v2.0/adminconsent?{urlencode(query, quote_via=quote)}"
        )
