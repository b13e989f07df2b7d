"""Sign-ins of people: authorization codes, which can be redeemed once, and refresh tokens."""

import base64
import hashlib
import hmac
import secrets
import time
from dataclasses import dataclass, field

from microsoft_emulator.scopes import Requested


@dataclass(frozen=True)
class SignIn:
    """A person who has signed in to an application in ``tenant`` (GUID), where their account is."""

    client_id: str
    tenant: str
    user: str
    requested: Requested
    nonce: str | None = None
    began: float = field(default_factory=time.time)


@dataclass
class AuthorizationCode:
    """A code. ``challenge`` is the SHA-256 of the verifier that redeems it."""

    sign_in: SignIn
    redirect_uri: str
    challenge: str
    expires_at: float
    redeemed: bool = False

    def verifies(self, verifier: str) -> bool:
        """True for the verifier that belongs to the challenge."""
        digest = hashlib.sha256(verifier.encode()).digest()
        encoded = base64.urlsafe_b64encode(digest).rstrip(b"=").decode()
        return hmac.compare_digest(encoded.encode(), self.challenge.encode())


@dataclass(frozen=True)
class RefreshToken:
    """A refresh token. It stays valid when it is used: each use returns another one with a time of its own."""

    sign_in: SignIn
    issued_at: float
    expires_at: float


class SignIns:
    """All codes and refresh tokens."""

    def __init__(self) -> None:
        self._codes: dict[str, AuthorizationCode] = {}
        self._refresh_tokens: dict[str, RefreshToken] = {}
        self._valid_from: dict[tuple[str, str], float] = {}

    def new_code(self, sign_in: SignIn, redirect_uri: str, challenge: str, lifetime: float) -> str:
        """Issue a code that is valid for ``lifetime`` seconds."""
        code = f"1.{secrets.token_urlsafe(48)}"
        self._codes[code] = AuthorizationCode(sign_in, redirect_uri, challenge, time.time() + lifetime)
        return code

    def code(self, code: str) -> AuthorizationCode | None:
        """The code with this text, redeemed or not."""
        return self._codes.get(code)

    def new_refresh_token(self, sign_in: SignIn, lifetime: float) -> str:
        """Issue a refresh token that is valid for ``lifetime`` seconds."""
        text, now = f"1.{secrets.token_urlsafe(64)}", time.time()
        self._refresh_tokens[text] = RefreshToken(sign_in, now, now + lifetime)
        return text

    def refresh_token(self, text: str) -> RefreshToken | None:
        """The refresh token with this text, valid or not."""
        return self._refresh_tokens.get(text)

    def revoke(self, tenant: str, user: str) -> None:
        """End every earlier sign-in of a person."""
        self._valid_from[tenant, user] = time.time()

    def revoked(self, sign_in: SignIn) -> bool:
        """True if the person's sign-ins were revoked after this one."""
        return sign_in.began <= self._valid_from.get((sign_in.tenant, sign_in.user), 0.0)

    def clear(self) -> None:
        """Forget everything."""
        self._codes.clear()
        self._refresh_tokens.clear()
        self._valid_from.clear()
