"""Issues and verifies access tokens: JWTs, signed with a key of the process."""

import base64
import hashlib
import hmac
import secrets
import time
from typing import Any

import msgspec

_KEY = secrets.token_bytes(32)


def issue(tenant_id: str, app_id: str, roles: list[str], lifetime: int, audience: str) -> str:
    """Issue a token for an application in a tenant, valid for ``lifetime`` seconds, with the roles of this moment.

    Without roles there is no ``roles`` claim.
    """
    return _issued(tenant_id, {"aud": audience, "appid": app_id, **({"roles": roles} if roles else {})}, lifetime)


def issue_for_user(tenant_id: str, app_id: str, claims: dict[str, Any], lifetime: int, audience: str) -> str:
    """Issue a token for an application on behalf of a person; ``claims`` has ``scp``. It has no ``roles``."""
    return _issued(tenant_id, {"aud": audience, "appid": app_id, **claims}, lifetime)


def issue_id(tenant_id: str, app_id: str, claims: dict[str, Any], lifetime: int) -> str:
    """Issue an id token, which is for the application itself."""
    given = {name: value for name, value in claims.items() if value is not None}
    return _issued(tenant_id, {"aud": app_id, **given}, lifetime)


def _issued(tenant_id: str, claims: dict[str, Any], lifetime: int) -> str:
    now = int(time.time())
    claims = {"iat": now, "exp": now + lifetime, "tid": tenant_id, **claims}
    signed = f"{_encoded({'alg': 'HS256', 'typ': 'JWT'})}.{_encoded(claims)}"
    return f"{signed}.{_signature(signed)}"


def read(authorization: str) -> dict[str, Any] | None:
    """The claims of a valid bearer token of this process; None for anything else."""
    scheme, _, token = authorization.partition(" ")
    signed, _, signature = token.strip().rpartition(".")
    if scheme.lower() != "bearer" or not signature.isascii():
        return None
    if not hmac.compare_digest(signature, _signature(signed)):
        return None
    claims = msgspec.json.decode(base64.urlsafe_b64decode(signed.split(".")[1] + "=="))
    return claims if claims["exp"] > time.time() else None


def _encoded(value: object) -> str:
    return base64.urlsafe_b64encode(msgspec.json.encode(value)).rstrip(b"=").decode()


def _signature(signed: str) -> str:
    digest = hmac.digest(_KEY, signed.encode(), hashlib.sha256)
    return base64.urlsafe_b64encode(digest).rstrip(b"=").decode()
