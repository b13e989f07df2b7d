"""Client assertions: signed by a registered certificate, or tokens of a federated issuer."""

import base64
import hashlib
import time
from typing import Any

import msgspec
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from joserfc import jws
from joserfc.errors import JoseError
from joserfc.jwk import KeySet, RSAKey

from microsoft_emulator.applications import Application, Applications, Federated

ALGORITHMS = ["PS256", "RS256"]
ASSERTION_TYPE = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"

Refused = tuple[str, str]
"""AADSTS number and text."""


class _Assertion(msgspec.Struct, frozen=True):
    text: str
    header: dict[str, Any]
    claims: dict[str, Any]

    def signed_by(self, key: RSAKey | KeySet) -> bool:
        try:
            jws.deserialize_compact(self.text, key, algorithms=ALGORITHMS)
        except (JoseError, ValueError):
            return False
        return True


def refused(
    applications: Applications, application: Application, client_id: str, assertion: str, token_url: str
) -> Refused | None:
    """Verify an assertion of a client for a token URL; None if it is accepted."""
    read = _read(assertion)
    if read is None:
        return "50027", "The assertion is no well-formed JWT."
    named = read.header.keys() & {"x5t", "x5t#S256"}
    own = named or client_id in (read.claims.get("iss"), read.claims.get("sub"))
    if not own:
        return _federated(application, read)
    return _certified(applications, application, client_id, read, token_url)


def _read(text: str) -> _Assertion | None:
    try:
        token = jws.extract_compact(text.encode())
        claims = msgspec.json.decode(token.payload, type=dict[str, Any])
        return _Assertion(text, dict(token.protected), claims)
    except (JoseError, ValueError):
        return None


def _certified(
    applications: Applications, application: Application, client_id: str, read: _Assertion, token_url: str
) -> Refused | None:
    key = _key_named(application, read.header)
    if key is None:
        return "700027", "The certificate with this thumbprint is not registered for the application."
    if not read.signed_by(key):
        return "700027", "The signature of the assertion is invalid."
    if not read.claims.get("iss") == read.claims.get("sub") == client_id:
        return "700021", "The assertion was issued for another application."
    if read.claims.get("aud") != token_url:
        return "700023", f"The audience of the assertion must be {token_url}."
    if (ended := _outside_time(read)) is not None:
        return ended
    assertion_id = read.claims.get("jti")
    if not isinstance(assertion_id, str) or not assertion_id:
        return "50027", "The assertion has no 'jti'."
    if not applications.use_once(client_id, assertion_id, float(read.claims["exp"]), time.time()):
        return "50013", "The assertion was used before."  # no number of its own is documented
    return None


def _key_named(application: Application, header: dict[str, Any]) -> RSAKey | None:
    """The public key of the registered certificate that the header names, by SHA-256 or SHA-1."""
    named = header.get("x5t#S256"), header.get("x5t")
    for pem in application.certificates:
        certificate = x509.load_pem_x509_certificate(pem.encode())
        der = certificate.public_bytes(Encoding.DER)
        sha1 = hashlib.sha1(der, usedforsecurity=False).digest()
        if named[0] == _encoded(hashlib.sha256(der).digest()) or (named[0] is None and named[1] == _encoded(sha1)):
            public = certificate.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
            return RSAKey.import_key(public)
    return None


def _encoded(digest: bytes) -> str:
    return base64.urlsafe_b64encode(digest).rstrip(b"=").decode()


def _federated(application: Application, read: _Assertion) -> Refused | None:
    if not application.federated:
        return "70021", "The application has no federated credential."
    issuer, subject = str(read.claims.get("iss")), str(read.claims.get("sub"))
    known = [credential for credential in application.federated if credential.issuer == issuer]
    if not known:
        return "700211", f"No federated credential has the issuer {issuer}."
    known = [credential for credential in known if credential.subject == subject]
    if not known:
        return "700213", f"No federated credential has the subject {subject}."
    known = [credential for credential in known if _for_audience(credential, read.claims.get("aud"))]
    if not known:
        return "700212", "No federated credential has the audience of the assertion."
    key_sets = (KeySet.import_key_set({"keys": credential.jwks.get("keys", [])}) for credential in known)
    if not any(read.signed_by(keys) for keys in key_sets):
        return "700027", "The signature of the assertion is invalid."
    return _outside_time(read)


def _for_audience(credential: Federated, audience: object) -> bool:
    return audience == credential.audience or audience == [credential.audience]


def _outside_time(read: _Assertion) -> Refused | None:
    now, begins, ends = time.time(), read.claims.get("nbf", 0), read.claims.get("exp")
    numbers = isinstance(begins, int | float) and isinstance(ends, int | float)
    if numbers and begins <= now < ends:
        return None
    return "700024", "The assertion is not within its valid time range."
