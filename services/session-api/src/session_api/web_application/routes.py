"""Serves the files of the web application. They hold no data, so they need no token."""

import re
from collections.abc import Mapping
from typing import Any

from litestar import Controller, Request, Response, get

from onboarding_shared.web.errors import DependencyDown
from onboarding_shared.web.route_rules import ANY_QUERY
from session_api.clients.openid_provider import OpenIdProvider
from session_api.routes.conditions import is_known
from session_api.web_application.files import FILES, PAGE, PUBLIC_PATHS, ROOT
from session_api.web_application.security import security_headers

_GZIP = re.compile(r"\bgzip\b(?!\s*;\s*q=0(?:\.0*)?\s*(?:,|$))", re.IGNORECASE)
"""Accept-Encoding of a client that takes gzip."""
_BOUNDS = security_headers()


class WebApplication(Controller):
    """The page with its scripts and styles. Any query is accepted: the sign-in provider adds its own."""

    provider: OpenIdProvider | None

    @get(sorted(PUBLIC_PATHS - {PAGE}), include_in_schema=False, opt={ANY_QUERY: True})
    async def get_file(self, request: Request[Any, Any, Any]) -> Response[bytes]:
        """Return a file, or 304 where the browser has it already."""
        path = request.scope["path"]
        if path == ROOT and not request.scope["raw_path"].endswith(b"/"):
            # Relative to the address that was asked for, which a proxy may have changed.
            return Response(b"", status_code=308, headers={"Location": f"{ROOT.rpartition('/')[2]}/"})
        file = FILES[PAGE if path == ROOT else path]
        bounds = await _bounds_of_page(self.provider) if path == ROOT else _BOUNDS
        headers = {**bounds, "ETag": file.etag, "Vary": "Accept-Encoding"}
        if is_known(request.headers.get("if-none-match"), file.etag.removeprefix("W/")):
            return Response(b"", status_code=304, headers=headers)
        if _GZIP.search(request.headers.get("accept-encoding", "")):
            headers["Content-Encoding"] = "gzip"
            return Response(file.compressed, media_type=file.media_type, headers=headers)
        return Response(file.content, media_type=file.media_type, headers=headers)


async def _bounds_of_page(provider: OpenIdProvider | None) -> Mapping[str, str]:
    """The page may reach the token endpoint of the provider; while that is not known, the provider's own address."""
    if provider is None:
        return _BOUNDS
    try:
        return security_headers([(await provider.endpoints()).token_endpoint])
    except DependencyDown:
        return security_headers([provider.authority])
