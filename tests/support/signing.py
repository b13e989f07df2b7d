"""Tokens signed with a key pair of the test's own."""

import json
import time
from base64 import urlsafe_b64encode
from typing import Any

from joserfc import jws, jwt
from joserfc.jwk import Key, KeySet

from onboarding_shared.web.identity import Permissions

ISSUER = "https://issuer.test"


ALL_ALGORITHMS = ["RS256", "RS384", "PS256", "ES256", "EdDSA", "HS256", "none"]


class Signer:
    """Signs tokens, which are valid unless the test changes a claim."""

    def __init__(self, key: Key, algorithm: str = "RS256") -> None:
        self.key = key
        self.algorithm = algorithm

    def public(self) -> dict[str, Any]:
        return dict(KeySet([self.key]).as_dict(private=False))

    def claims(self, **changed: Any) -> dict[str, Any]:
        now = int(time.time())
        claims = {
            "iss": ISSUER,
            "aud": "onboarding",
            "sub": "7",
            "exp": now + 600,
            "nbf": now - 5,
            "iat": now,
            "tenants": [42],
            "permissions": list(Permissions.ALL),
        }
        return {name: value for name, value in {**claims, **changed}.items() if value is not None}

    def token(self, header: dict[str, Any] | None = None, **changed: Any) -> str:
        full = {"alg": self.algorithm, "kid": self.key.kid, "typ": "JWT", **(header or {})}
        full = {name: value for name, value in full.items() if value is not None}
        return jwt.encode(full, self.claims(**changed), self.key, algorithms=ALL_ALGORITHMS, default_type=None)

    def forced(self, header: dict[str, Any]) -> str:
        """A token that is signed although its header breaks a rule."""
        full = {"alg": self.algorithm, "kid": self.key.kid, "typ": "JWT", **header}
        return self.signed(json.dumps(full).encode(), json.dumps(self.claims()).encode())

    def signed(self, header: bytes, payload: bytes) -> str:
        """A token with exactly these texts, signed."""
        message = b".".join(urlsafe_b64encode(part).rstrip(b"=") for part in (header, payload))
        signature = jws.JWSRegistry.algorithms[self.algorithm].sign(message, self.key)
        return b".".join([message, urlsafe_b64encode(signature).rstrip(b"=")]).decode()
