"""The HTTP side of the provider, on the server of the standard library: one person at a time uses it."""

import json
import threading
import time
from collections.abc import Mapping
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import urlencode, urlsplit

from onboarding_devstack.identity import ALGORITHM, Identity
from onboarding_devstack.provider.grants import (
    CODE_SECONDS,
    PAGE_SECONDS,
    NotRegistered,
    Refused,
    Request,
    Signed,
    Tickets,
    chosen,
    fields,
    read_request,
    redeem,
    redirect_of,
)
from onboarding_devstack.provider.pages import choose_page, error_page, policy, signed_out_page
from onboarding_devstack.provider.people import CLIENT_ID

MAX_FORM_BYTES = 8192
TOKEN_SECONDS = 3600
SOCKET_SECONDS = 10.0
_READ_BY_PAGES = ("/.well-known/openid-configuration", "/jwks", "/token")


class Provider(ThreadingHTTPServer):
    """Signs people in to the web application at the addresses ``redirect_uris``."""

    daemon_threads = True

    def __init__(self, address: tuple[str, int], identity: Identity, redirect_uris: frozenset[str]) -> None:
        self.identity = identity
        self.redirect_uris = redirect_uris
        self.origins = frozenset(_origin(uri) for uri in redirect_uris)
        self.requests: Tickets[Request] = Tickets(PAGE_SECONDS)
        self.codes: Tickets[Signed] = Tickets(CODE_SECONDS)
        self.lock = threading.Lock()
        super().__init__(address, ProviderHandler)
        self.issuer = f"http://{address[0]}:{self.server_address[1]}"

    def metadata(self) -> Mapping[str, Any]:
        """The discovery document."""
        return {
            "issuer": self.issuer,
            "authorization_endpoint": f"{self.issuer}/authorize",
            "token_endpoint": f"{self.issuer}/token",
            "end_session_endpoint": f"{self.issuer}/logout",
            "jwks_uri": f"{self.issuer}/jwks",
            "response_types_supported": ["code"],
            "response_modes_supported": ["query"],
            "grant_types_supported": ["authorization_code"],
            "subject_types_supported": ["public"],
            "id_token_signing_alg_values_supported": [ALGORITHM],
            "scopes_supported": ["openid", "profile"],
            "token_endpoint_auth_methods_supported": ["none"],
            "code_challenge_methods_supported": ["S256"],
            "claims_supported": ["sub", "name"],
        }

    def tokens(self, signed: Signed) -> Mapping[str, Any]:
        """The answer with the tokens of a person."""
        person, now = signed.person, int(time.time())
        ours = {"sub": str(person.subject), "name": person.name}
        nonce = {} if signed.request.nonce is None else {"nonce": signed.request.nonce}
        of_client = {"iss": self.issuer, "aud": CLIENT_ID, "exp": now + TOKEN_SECONDS, **ours, **nonce}
        return {
            "access_token": self.identity.signed({**ours, **person.claims, "exp": now + TOKEN_SECONDS}),
            "id_token": self.identity.signed(of_client),
            "token_type": "Bearer",
            "expires_in": TOKEN_SECONDS,
            "scope": "openid profile",
        }


class ProviderHandler(BaseHTTPRequestHandler):
    """One connection."""

    server: Provider  # type: ignore[assignment]
    protocol_version = "HTTP/1.1"
    server_version, sys_version = "onboarding-identity", ""
    timeout = SOCKET_SECONDS

    def do_GET(self) -> None:
        """The pages and documents."""
        path, _, query = self.path.partition("?")
        match path:
            case "/health/ready":
                self._json(200, {"status": "UP"})
            case "/.well-known/openid-configuration":
                self._json(200, self.server.metadata())
            case "/jwks":
                self._json(200, json.loads(self.server.identity.jwks.read_text(encoding="utf-8")))
            case "/authorize":
                self._ask(query)
            case "/logout":
                self._sign_out(query)
            case _:
                self._page(404, error_page("There is nothing at this address."))

    def do_POST(self) -> None:
        """The answer of the page, and the exchange of a code."""
        form = self._form()
        if form is None:
            return
        match self.path:
            case "/authorize":
                self._answer(form)
            case "/token":
                self._exchange(form)
            case _:
                self._page(404, error_page("There is nothing at this address."))

    def do_OPTIONS(self) -> None:
        """Preflights of the web application."""
        headers = {"Access-Control-Allow-Methods": "GET, POST", "Access-Control-Allow-Headers": "Content-Type"}
        self._send(204, b"", {**headers, "Access-Control-Max-Age": "600"})

    def log_message(self, format: str, *args: Any) -> None:
        """Nothing: addresses of requests have codes in them."""

    def _ask(self, query: str) -> None:
        try:
            given = fields(query)
            redirect_uri = redirect_of(given, self.server.redirect_uris)
        except (NotRegistered, Refused) as reason:
            self._page(400, error_page(getattr(reason, "why", str(reason))))
            return
        try:
            asked = read_request(given, redirect_uri)
        except Refused as refused:
            self._return(redirect_uri, given.get("state"), error=refused.error, error_description=refused.why)
            return
        with self.server.lock:
            ticket = self.server.requests.issue(asked, time.monotonic())
        self._page(200, choose_page(ticket))

    def _answer(self, form: str) -> None:
        """The person of the form, as a code to the application. The form is good for one answer."""
        if self.headers.get("Origin", self.server.issuer) != self.server.issuer:
            self._page(403, error_page("The form was sent by another page."))
            return
        try:
            given = fields(form)
        except Refused as refused:
            self._page(400, error_page(refused.why))
            return
        with self.server.lock:
            asked = self.server.requests.take(given.get("request", ""), time.monotonic())
        if asked is None:
            self._page(400, error_page("This page was used already, or is too old."))
            return
        try:
            signed = Signed(asked, chosen(given))
        except Refused as refused:
            self._return(asked.redirect_uri, asked.state, error=refused.error, error_description=refused.why)
            return
        with self.server.lock:
            code = self.server.codes.issue(signed, time.monotonic())
        self._return(asked.redirect_uri, asked.state, code=code)

    def _exchange(self, form: str) -> None:
        try:
            given = fields(form)
            with self.server.lock:
                signed = redeem(given, self.server.codes, time.monotonic())
        except Refused as refused:
            self._json(400, {"error": refused.error, "error_description": refused.why})
            return
        self._json(200, self.server.tokens(signed))

    def _sign_out(self, query: str) -> None:
        try:
            target = fields(query).get("post_logout_redirect_uri")
        except Refused:
            target = None
        if target in self.server.redirect_uris:
            self._send(303, b"", {"Location": str(target)})
        else:
            self._page(200, signed_out_page())

    def _form(self) -> str | None:
        """The body of a form; None after a refusal was sent."""
        length = self.headers.get("Content-Length", "")
        kind = self.headers.get_content_type()
        if not length.isdigit() or int(length[:9]) > MAX_FORM_BYTES or kind != "application/x-www-form-urlencoded":
            self.close_connection = True
            self._json(400, {"error": "invalid_request", "error_description": "A form of up to 8 KiB is needed."})
            return None
        return self.rfile.read(int(length)).decode("utf-8", "replace")

    def _return(self, redirect_uri: str, state: str | None, **answer: str) -> None:
        given = answer | {"iss": self.server.issuer} | ({} if state is None else {"state": state})
        self._send(303, b"", {"Location": f"{redirect_uri}?{urlencode(given)}"})

    def _page(self, status: int, html: str) -> None:
        headers = {"Content-Security-Policy": policy(self.server.origins), "Referrer-Policy": "same-origin"}
        self._send(status, html.encode(), {"Content-Type": "text/html; charset=utf-8", **headers})

    def _json(self, status: int, content: Mapping[str, Any]) -> None:
        self._send(status, json.dumps(content).encode(), {"Content-Type": "application/json"})

    def _send(self, status: int, body: bytes, headers: Mapping[str, str]) -> None:
        origin = self.headers.get("Origin")
        shared = {"Vary": "Origin"}
        if origin in self.server.origins and self.path.partition("?")[0] in _READ_BY_PAGES:
            shared["Access-Control-Allow-Origin"] = str(origin)
        self.send_response(status)
        usual = {"Cache-Control": "no-store", "X-Content-Type-Options": "nosniff", "Content-Length": str(len(body))}
        for name, value in {**usual, **shared, **headers}.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)


def _origin(uri: str) -> str:
    parts = urlsplit(uri)
    return f"{parts.scheme}://{parts.netloc}"
