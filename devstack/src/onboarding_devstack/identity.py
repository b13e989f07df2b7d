"""The identity provider of the embedded system: a key pair, its public key set, and development tokens."""

import json
import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from joserfc import jwt
from joserfc.jwk import KeySet, RSAKey

from onboarding_devstack.files import write_json

ISSUER = "https://identity.onboarding.localhost"
AUDIENCE = "onboarding"
ALGORITHM = "RS256"
PERMISSIONS = (
    "onboarding.read",
    "onboarding.write",
    "onboarding.takeover",
    "onboarding.run",
    "onboarding.connections",
)
PLATFORM = "onboarding.platform"
"""The permission of operators, which belongs to no tenant."""


@dataclass(frozen=True)
class Identity:
    """The key pair in a data folder."""

    folder: Path

    @property
    def private_key(self) -> Path:
        """The signing key, readable by its owner only."""
        return self.folder / "private-key.json"

    @property
    def jwks(self) -> Path:
        """The public key set, in the form that the services read."""
        return self.folder / "jwks.json"

    def ensure(self) -> None:
        """Create the key pair unless it exists."""
        if self.private_key.exists() and self.jwks.exists():
            return
        key = RSAKey.generate_key(2048, {"use": "sig", "alg": ALGORITHM}, auto_kid=True)
        write_json(self.private_key, dict(key.as_dict(private=True)))
        write_json(self.jwks, dict(KeySet([key]).as_dict(private=False)))

    def token(
        self,
        user: int,
        tenants: Iterable[int] | Mapping[int, Iterable[str]] | Literal["all"],
        permissions: Iterable[str] = PERMISSIONS,
        lifetime: float = 12 * 3600,
        name: str | None = None,
    ) -> str:
        """Issue a signed token for `user`, valid for `lifetime` seconds. Raises `FileNotFoundError` before `ensure`.

        A mapping has the permissions of each tenant; then `permissions` is not used.
        """
        named = {} if name is None else {"name": name}
        claims = {"sub": str(user), **named, **_granted(tenants, permissions)}
        return self.signed({**claims, "exp": int(time.time()) + int(lifetime)})

    def signed(self, claims: Mapping[str, object]) -> str:
        """Issue a signed token with these claims, by default from now on for an hour, for the services."""
        key = RSAKey.import_key(json.loads(self.private_key.read_text(encoding="utf-8")))
        now = int(time.time())
        usual = {"iss": ISSUER, "aud": AUDIENCE, "iat": now, "nbf": now - 5, "exp": now + 3600}
        return jwt.encode({"alg": ALGORITHM, "kid": key.kid, "typ": "JWT"}, {**usual, **claims}, key)


def _granted(
    tenants: Iterable[int] | Mapping[int, Iterable[str]] | Literal["all"], permissions: Iterable[str]
) -> dict[str, object]:
    """The claims about tenants and permissions, in one of their two forms."""
    if isinstance(tenants, str):
        return {"tenants": tenants, "permissions": list(permissions)}
    if isinstance(tenants, Mapping):
        return {"tenants": {str(tenant): list(granted) for tenant, granted in tenants.items()}}
    return {"tenants": list(tenants), "permissions": list(permissions)}
