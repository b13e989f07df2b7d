"""Certificates: a PEM text with private key and certificate becomes signed assertions."""

import asyncio
import base64
import hashlib
import re
import time
import uuid
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

import structlog
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from joserfc import jwt
from joserfc.jwk import RSAKey
from prometheus_client import Gauge

from task_runner.providers.credentials.files import Read
from task_runner.providers.credentials.proof import INVALID, Proof, assertion_proof, read_text
from task_runner.providers.graph_errors import SignInRefused
from task_runner.tasks.result import TaskFault

EXPIRED = "CREDENTIAL_EXPIRED"
SMALLEST_KEY = 2048
ASSERTION_SECONDS = 300
WARN_BEFORE = timedelta(days=30)
ALGORITHM = "PS256"
LONGEST_PLAIN_LINE = 40
"""A longer line of a private key is hidden by itself."""

EXPIRES_AT = Gauge(
    "onboarding_credential_expires_at_seconds", "End of a certificate, in seconds since 1970", ["credential"]
)

_log = structlog.get_logger(__name__)
_BLOCK = re.compile(r"-----BEGIN ([A-Z0-9 ]{1,40})-----.*?-----END \1-----", re.S)


@dataclass(frozen=True, slots=True)
class Certificate:
    """A certificate with its private key; ``thumbprint`` is the SHA-256 of the certificate, as base64url."""

    key: RSAKey = field(repr=False)
    thumbprint: str
    expires_at: datetime


class UnusableCertificate(ValueError):
    """The reason why a PEM text cannot be used; contains nothing of the text."""


def parse_certificate(pem: str) -> Certificate:
    """The private key of a PEM text with the certificate that belongs to it. Raises ``UnusableCertificate``."""
    blocks = [(match.group(1), match.group()) for match in _BLOCK.finditer(pem)]
    keys = [text for label, text in blocks if label.endswith("PRIVATE KEY")]
    certificates = [text for label, text in blocks if label == "CERTIFICATE"]
    if len(keys) != 1 or not certificates:
        raise UnusableCertificate("it must contain one private key and its certificate")
    key = _private_key(keys[0])
    for text in certificates:
        certificate = _certificate(text)
        if certificate.public_key() == key.public_key():
            digest = certificate.fingerprint(hashes.SHA256())
            thumbprint = base64.urlsafe_b64encode(digest).rstrip(b"=").decode()
            return Certificate(RSAKey.import_key(keys[0]), thumbprint, certificate.not_valid_after_utc)
    raise UnusableCertificate("the certificate does not belong to the private key")


def _private_key(pem: str) -> rsa.RSAPrivateKey:
    try:
        key = serialization.load_pem_private_key(pem.encode(), password=None)
    except TypeError:
        raise UnusableCertificate("the private key is encrypted") from None
    except Exception as error:
        raise UnusableCertificate(f"the private key cannot be read ({type(error).__name__})") from None
    if not isinstance(key, rsa.RSAPrivateKey) or key.key_size < SMALLEST_KEY:
        raise UnusableCertificate(f"the private key must be RSA with at least {SMALLEST_KEY} bits")
    return key


def _certificate(pem: str) -> x509.Certificate:
    try:
        return x509.load_pem_x509_certificate(pem.encode())
    except Exception as error:
        raise UnusableCertificate(f"the certificate cannot be read ({type(error).__name__})") from None


def sign_assertion(certificate: Certificate, client_id: str, token_url: str) -> str:
    """A new assertion of the application for one request to this address."""
    now = int(time.time())
    header = {"alg": ALGORITHM, "typ": "JWT", "x5t#S256": certificate.thumbprint}
    claims = {
        "aud": token_url,
        "iss": client_id,
        "sub": client_id,
        "jti": str(uuid.uuid4()),
        "nbf": now,
        "iat": now,
        "exp": now + ASSERTION_SECONDS,
    }
    return jwt.encode(header, claims, certificate.key, algorithms=[ALGORITHM])


class CertificateCredential:
    """A certificate of an application. The file is read anew for each token request, and parsed when it has changed."""

    def __init__(self, name: str, client_id: str, read: Read) -> None:
        self.name = name
        self._client_id = client_id
        self._read = read
        self._parsed: tuple[bytes, Certificate] | None = None

    async def prove(self, token_url: str) -> Proof:
        pem = await read_text(self.name, self._read)
        certificate = await self._certificate_of(pem)
        self._check_end(certificate)
        assertion = await asyncio.to_thread(sign_assertion, certificate, self._client_id, token_url)
        return assertion_proof(assertion, hidden_texts(pem), certificate.expires_at)

    def forget(self) -> None:
        """Nothing is kept but the parsed file, which is compared each time."""

    async def _certificate_of(self, pem: str) -> Certificate:
        digest = hashlib.sha256(pem.encode()).digest()
        if self._parsed is None or self._parsed[0] != digest:
            try:
                certificate = await asyncio.to_thread(parse_certificate, pem)
            except UnusableCertificate as error:
                raise TaskFault(INVALID, f"The credential {self.name} cannot be used: {error}.") from None
            EXPIRES_AT.labels(self.name).set(certificate.expires_at.timestamp())
            self._parsed = digest, certificate
        return self._parsed[1]

    def _check_end(self, certificate: Certificate) -> None:
        end, now = certificate.expires_at, datetime.now(UTC)
        if end <= now:
            message = f"The certificate of the credential {self.name} expired on {end:%Y-%m-%d}."
            raise SignInRefused(EXPIRED, message, "", "")
        if expires_soon(end, now):
            _log.warning("credential_expires_soon", credential_name=self.name, expires_at=end.isoformat())


def expires_soon(end: datetime, now: datetime) -> bool:
    """True if this end is less than 30 days away."""
    return end - now < WARN_BEFORE


def hidden_texts(pem: str) -> tuple[str, ...]:
    """The PEM text, and each long line of its private key."""
    keys = [match.group() for match in _BLOCK.finditer(pem) if match.group(1).endswith("PRIVATE KEY")]
    lines = [line for text in keys for line in text.splitlines() if len(line) >= LONGEST_PLAIN_LINE]
    return (pem, *lines)
