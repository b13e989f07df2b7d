"""The HTTP client of evidence-store."""

from collections.abc import Mapping
from dataclasses import dataclass

import httpx2
import structlog

from onboarding_shared.telemetry.tracing import current_traceparent, start_span
from onboarding_shared.web.errors import DependencyDown
from session_api.metrics import READS_FAILED

RETRY_SECONDS = 5
_log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class EvidenceAnswer:
    """A response of evidence-store, with its body unparsed."""

    status: int
    body: bytes
    headers: Mapping[str, str]


class EvidenceStoreClient:
    """The client of evidence-store. It sends the bearer token of the caller."""

    def __init__(self, url: str, *, timeout_seconds: float) -> None:
        self.url = url
        self._host = httpx2.URL(url).host
        self._client = httpx2.AsyncClient(
            base_url=url,
            timeout=httpx2.Timeout(timeout_seconds),
            limits=httpx2.Limits(max_connections=100, max_keepalive_connections=20),
            follow_redirects=False,
            trust_env=False,
        )

    async def get(self, path: str, query: str, headers: Mapping[str, str]) -> EvidenceAnswer:
        """Send a GET request; ``query`` is not decoded. Raise ``DependencyDown`` on a timeout, a 5xx or a redirect."""
        return await self.send("GET", path, query, headers)

    async def send(
        self, method: str, path: str, query: str, headers: Mapping[str, str], body: bytes | None = None
    ) -> EvidenceAnswer:
        """Send a request with a JSON body, or without one. Raise ``DependencyDown`` as ``get`` does."""
        target = f"{path}?{query}" if query else path
        response = await self._exchange(method, target, dict(headers), body)
        if response.status_code >= 500 or response.is_redirect:
            _log.warning("evidence_store_failed", status=response.status_code)
            raise unavailable(f"responded with HTTP {response.status_code}")
        return EvidenceAnswer(response.status_code, response.content, response.headers)

    async def _exchange(self, method: str, target: str, headers: dict[str, str], body: bytes | None) -> httpx2.Response:
        """Send one request with the trace context of the caller."""
        trace = current_traceparent()
        attributes = {
            "http.request.method": method,
            "server.address": self._host,
            "url.path": target.partition("?")[0],
        }
        span = start_span(method, "client", parent=trace, attributes=attributes)
        trace = trace if span is None else span.traceparent
        failure: str | None = None
        try:
            response = await self._client.request(
                method, target, headers=headers | ({} if trace is None else {"traceparent": trace}), content=body
            )
            failure = str(response.status_code) if response.status_code >= 400 else None
        except (httpx2.HTTPError, httpx2.InvalidURL, OSError) as error:
            failure = type(error).__name__
            _log.warning("evidence_store_unreachable", reason=repr(error))
            raise unavailable("cannot be reached") from error
        finally:
            if span is not None:
                span.end(failure)
        return response

    async def close(self) -> None:
        """Close the connections to evidence-store."""
        await self._client.aclose()


def unavailable(failure: str) -> DependencyDown:
    """Count a failed read, and return its problem."""
    READS_FAILED.inc()
    return DependencyDown("EVIDENCE_STORE_UNAVAILABLE", f"The evidence store {failure}", retry_after=RETRY_SECONDS)
