"""URLs of this API in responses."""

from collections.abc import Mapping
from urllib.parse import urlencode


class Links:
    """Creates absolute URLs if ``public_url`` is set, else paths without a host, which are valid behind a proxy."""

    def __init__(self, public_url: str) -> None:
        self._public_url = public_url

    def session(self, tenant_id: int) -> str:
        """Return the URL of the tenant's session."""
        return self._of(tenant_id, "session")

    def run(self, tenant_id: int, run_id: int) -> str:
        """Return the URL of a run."""
        return f"{self._public_url}/tenants/{tenant_id}/onboarding/runs/{run_id}"

    def connection(self, tenant_id: int, connection_id: int) -> str:
        """Return the URL of a provider connection."""
        return self._of(tenant_id, f"provider-connections/{connection_id}")

    def consent_request(self, tenant_id: int, request_id: int) -> str:
        """One consent request."""
        return self._of(tenant_id, f"consent-requests/{request_id}")

    def next_page(self, path: str, query: Mapping[str, str | list[str]]) -> str:
        """Return the ``Link`` header of the next page of a list."""
        return f'<{self._public_url}{path}?{urlencode(query, doseq=True)}>; rel="next"'

    def rebased(self, link: str, other_url: str, path: str) -> str:
        """Rewrite the ``Link`` header of a response to ``path`` at ``other_url`` for the same path of this API."""
        absolute = link.replace(f"<{other_url}/", "</").replace("<?", f"<{path}?")
        return absolute.replace("</", f"<{self._public_url}/")

    def _of(self, tenant_id: int, rest: str) -> str:
        return f"{self._public_url}/tenants/{tenant_id}/onboarding/{rest}"
