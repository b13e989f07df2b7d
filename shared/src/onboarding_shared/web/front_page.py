"""The page at ``/``: where the pages of this service are. HTML for browsers, JSON for programs, without a token."""

from base64 import b64encode
from hashlib import sha256
from html import escape
from typing import Any

from litestar import Litestar, MediaType, Request, Response, get
from litestar.handlers import HTTPRouteHandler
from msgspec import Struct

from onboarding_shared.web.asyncapi_page import DOCUMENT_PATH, PAGE_PATH

PATH = "/"
_APPLICATION = "/app/"
_STYLE = (
    "body{font:16px/1.5 'Segoe UI',system-ui,sans-serif;max-width:36rem;margin:4rem auto;padding:0 1rem;"
    "color-scheme:light dark}h1{font-size:24px;line-height:32px}li{margin:.25rem 0}"
)
_STYLE_HASH = b64encode(sha256(_STYLE.encode()).digest()).decode()
_HEADERS = {
    "Content-Security-Policy": f"default-src 'none'; style-src 'sha256-{_STYLE_HASH}'; img-src data:; "
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
    "Referrer-Policy": "no-referrer",
    "Vary": "Accept",
}


class FrontPage(Struct, kw_only=True, frozen=True):
    """The paths of the pages of a service; ``application`` is None if it has none."""

    title: str
    version: str
    description: str
    application: str | None
    api_page: str = "/docs"
    openapi: str = "/schema/openapi.json"
    problem_codes: str = "/schema"
    messages: str = PAGE_PATH
    asyncapi: str = DOCUMENT_PATH


def front_page(title: str, version: str, description: str) -> HTTPRouteHandler:
    """The handler of ``/``."""

    @get(PATH, include_in_schema=False)
    async def show_front_page(request: Request[Any, Any, Any]) -> Response[Any]:
        application = _APPLICATION if has_application(request.app) else None
        page = FrontPage(title=title, version=version, description=description, application=application)
        if request.accept.best_match([MediaType.JSON, MediaType.HTML]) == MediaType.HTML:
            return Response(_html(page), media_type=MediaType.HTML, headers=_HEADERS)
        return Response(page, headers={"Vary": "Accept"})

    return show_front_page


def has_application(app: Litestar) -> bool:
    """True if the service has a web application."""
    return any(f"{route.path}/".startswith(_APPLICATION) for route in app.routes)


def _html(page: FrontPage) -> str:
    links = [] if page.application is None else [(page.application, "The application")]
    links += [
        (page.api_page, "The API: operations, permissions, and a way to try them out"),
        (page.openapi, "Its description, for programs (OpenAPI 3.1)"),
        (page.problem_codes, "Its problem codes, and what to do about each"),
        (page.messages, "The messages on Kafka: topics, fields and examples"),
        (page.asyncapi, "Their description, for programs (AsyncAPI 3.0)"),
    ]
    items = "".join(f'<li><a href="{escape(path)}">{escape(text)}</a></li>' for path, text in links)
    return (
        '<!doctype html><html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width">'
        f'<title>{escape(page.title)}</title><link rel="icon" href="data:,"><style>{_STYLE}</style></head>'
        f"<body><h1>{escape(page.title)}</h1><p>{escape(page.description)}</p><ul>{items}</ul></body></html>"
    )
