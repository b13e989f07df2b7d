"""The API page at ``/docs``: Scalar, from the distribution ``onboarding-api-page``.

Where it is not installed, ``/docs`` leads to the plain page.
"""

from collections.abc import Sequence
from hashlib import sha256
from html import escape
from importlib.resources import files
from typing import NamedTuple

from litestar import MediaType, Response, get
from litestar.handlers import HTTPRouteHandler
from litestar.response import Redirect

PATH = "/docs"
_PACKAGE = "onboarding_api_page"
_PLAIN_PAGE = "/schema"
_START = f"{PATH}/start.js"

POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'unsafe-inline'; img-src 'self' data: blob:; connect-src 'self'; "
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
"""Scalar sets styles of single elements and makes style sheets, so it needs inline styles; no inline script."""


class ApiPage(NamedTuple):
    """The handlers of the page, and the paths that need no token."""

    routes: Sequence[HTTPRouteHandler]
    paths: frozenset[str]


class ApiPageFiles(NamedTuple):
    """The files of the installed distribution; ``scalar`` is compressed."""

    scalar: bytes
    start: bytes

    @property
    def scalar_path(self) -> str:
        """The address of the script. It changes with its content, so that browsers may keep it."""
        return f"{PATH}/scalar-{sha256(self.scalar).hexdigest()[:12]}.js"


def installed_files() -> ApiPageFiles | None:
    """The files of the page; None if its distribution is not installed."""
    try:
        folder = files(_PACKAGE)
    except ModuleNotFoundError:
        return None
    return ApiPageFiles(folder.joinpath("scalar.js.gz").read_bytes(), folder.joinpath("start.js").read_bytes())


def api_page(title: str, page_files: ApiPageFiles | None) -> ApiPage:
    """The page with this title; without files a redirection to the plain page."""
    if page_files is None:
        return ApiPage([_redirection()], frozenset({PATH, f"{PATH}/"}))
    document = _document(title, page_files.scalar_path)
    routes = [_page(document), _start_script(page_files.start), _scalar_script(page_files)]
    return ApiPage(routes, frozenset({PATH, f"{PATH}/", _START, page_files.scalar_path}))


def _redirection() -> HTTPRouteHandler:
    @get(PATH, include_in_schema=False, status_code=307)
    async def lead_to_the_plain_page() -> Redirect:
        return Redirect(_PLAIN_PAGE, status_code=307)

    return lead_to_the_plain_page


def _page(document: bytes) -> HTTPRouteHandler:
    headers = {"Content-Security-Policy": POLICY, "Referrer-Policy": "no-referrer"}

    @get(PATH, include_in_schema=False)
    async def show_api_page() -> Response[bytes]:
        return Response(document, media_type=MediaType.HTML, headers=headers)

    return show_api_page


def _start_script(script: bytes) -> HTTPRouteHandler:
    @get(_START, include_in_schema=False)
    async def send_start_script() -> Response[bytes]:
        return Response(script, media_type="text/javascript")

    return send_start_script


def _scalar_script(page_files: ApiPageFiles) -> HTTPRouteHandler:
    """Always compressed: every browser takes that, and unpacking it for anybody who asks would cost too much."""
    headers = {"Cache-Control": "public, max-age=31536000, immutable", "Content-Encoding": "gzip"}

    @get(page_files.scalar_path, include_in_schema=False)
    async def send_scalar() -> Response[bytes]:
        return Response(page_files.scalar, media_type="text/javascript", headers=headers)

    return send_scalar


def _document(title: str, scalar_path: str) -> bytes:
    return (
        '<!doctype html><html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f'<title>{escape(title)}</title><link rel="icon" href="data:,"></head><body><div id="api"></div>'
        f'<noscript><p>This page needs scripts. <a href="{_PLAIN_PAGE}">The plain page</a> does not.</p></noscript>'
        f'<script src="{scalar_path}"></script><script src="{_START}"></script></body></html>'
    ).encode()
