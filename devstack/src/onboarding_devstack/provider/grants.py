"""The rules of the provider: the requests that it accepts, and its codes, each for one use within 60 seconds. No IO."""

import base64
import hashlib
import hmac
import re
import secrets
from collections import OrderedDict
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Generic, TypeVar
from urllib.parse import parse_qsl

from onboarding_devstack.provider.people import CLIENT_ID, PEOPLE, Choice

CODE_SECONDS = 60.0
PAGE_SECONDS = 600.0
MOST_KEPT = 1000
MAX_FIELDS = 20
MAX_STATE = 1000
_CHALLENGE = re.compile(r"[A-Za-z0-9_-]{43}\Z")
_VERIFIER = re.compile(r"[A-Za-z0-9._~-]{43,128}\Z")


class NotRegistered(Exception):
    """The request names another client or address; its sender must not be sent anywhere."""


class Refused(Exception):
    """An error of RFC 6749; the text is the error's name, ``why`` is for people."""

    def __init__(self, error: str, why: str) -> None:
        super().__init__(error)
        self.error = error
        self.why = why


@dataclass(frozen=True)
class Request:
    """A request of the web application that a person can answer."""

    redirect_uri: str
    state: str | None
    nonce: str | None
    challenge: str


@dataclass(frozen=True)
class Signed:
    """A person who has answered a request."""

    request: Request
    person: Choice


Kept = TypeVar("Kept")


class Tickets(Generic[Kept]):
    """Values under random names, each of which can be taken once, and only for some time."""

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds
        self._kept: OrderedDict[str, tuple[float, Kept]] = OrderedDict()

    def issue(self, value: Kept, now: float) -> str:
        """The name under which the value can be taken. The oldest value goes when there are too many."""
        name = secrets.token_urlsafe(32)
        self._kept[name] = (now + self._seconds, value)
        if len(self._kept) > MOST_KEPT:
            self._kept.popitem(last=False)
        return name

    def take(self, name: str, now: float) -> Kept | None:
        """The value under a name, which it then has no longer."""
        until, value = self._kept.pop(name, (0.0, None))
        return value if now < until else None


def fields(text: str) -> Mapping[str, str]:
    """The fields of a query or a form. Raises ``Refused`` for one that is repeated, and for too many."""
    try:
        given = parse_qsl(text, keep_blank_values=True, max_num_fields=MAX_FIELDS, encoding="utf-8", errors="strict")
    except ValueError as error:
        raise Refused("invalid_request", "The request has too many fields or is no UTF-8.") from error
    if len(dict(given)) < len(given):
        raise Refused("invalid_request", "A field is given twice.")
    return dict(given)


def redirect_of(query: Mapping[str, str], registered: frozenset[str]) -> str:
    """The address to which an answer may be sent. Raises ``NotRegistered``."""
    if query.get("client_id") != CLIENT_ID:
        raise NotRegistered("This application is not registered.")
    if query.get("redirect_uri") not in registered:
        raise NotRegistered("The redirect_uri is not one that is registered for this application.")
    return query["redirect_uri"]


def read_request(query: Mapping[str, str], redirect_uri: str) -> Request:
    """A request for a code. Raises ``Refused``."""
    if query.get("response_type") != "code":
        raise Refused("unsupported_response_type", "response_type must be code.")
    if query.get("response_mode", "query") != "query":
        raise Refused("invalid_request", "response_mode must be query.")
    if "openid" not in query.get("scope", "").split():
        raise Refused("invalid_scope", "scope must contain openid.")
    if query.get("code_challenge_method") != "S256" or not _CHALLENGE.match(query.get("code_challenge", "")):
        raise Refused("invalid_request", "code_challenge must be there, with code_challenge_method S256.")
    if max(len(query.get("state", "")), len(query.get("nonce", ""))) > MAX_STATE:
        raise Refused("invalid_request", f"state and nonce may have {MAX_STATE} characters.")
    if query.get("prompt") == "none":
        raise Refused("login_required", "Nobody is signed in here.")
    return Request(redirect_uri, query.get("state"), query.get("nonce"), query["code_challenge"])


def chosen(form: Mapping[str, str]) -> Choice:
    """The person of the page's form. Raises ``Refused`` where it was left without choosing."""
    if form.get("person") not in PEOPLE:
        raise Refused("access_denied", "No person was chosen.")
    return PEOPLE[form["person"]]


def redeem(form: Mapping[str, str], codes: Tickets[Signed], now: float) -> Signed:
    """The person who signed in with the code of a token request. Raises ``Refused``, and uses the code up."""
    if form.get("grant_type") != "authorization_code":
        raise Refused("unsupported_grant_type", "grant_type must be authorization_code.")
    signed = codes.take(form.get("code", ""), now)
    if form.get("client_id") != CLIENT_ID or "client_secret" in form:
        raise Refused("invalid_client", "This client is not registered, or is a public one without a secret.")
    if signed is None:
        raise Refused("invalid_grant", "The code is unknown, used or expired.")
    if form.get("redirect_uri") != signed.request.redirect_uri:
        raise Refused("invalid_grant", "The redirect_uri is not that of the request for the code.")
    verifier = form.get("code_verifier", "")
    if not _VERIFIER.match(verifier) or not hmac.compare_digest(challenge_of(verifier), signed.request.challenge):
        raise Refused("invalid_grant", "The code_verifier does not belong to the code_challenge.")
    return signed


def challenge_of(verifier: str) -> str:
    """The challenge S256 of a verifier (RFC 7636)."""
    return base64.urlsafe_b64encode(hashlib.sha256(verifier.encode("ascii")).digest()).rstrip(b"=").decode()
