"""Client assertions: certificates and tokens of a federated issuer."""

import base64
import hashlib
import time
import uuid
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx2
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from joserfc import jwt
from joserfc.jwk import RSAKey

from tests.unit.emulator.microsoft import APP, OTHER, TENANT, URL, Microsoft, codes, microsoft

TYPE = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
TOKEN_URL = f"{URL}/{TENANT}/oauth2/v2.0/token"
ISSUER, SUBJECT, AUDIENCE = "https://issuer.example", "system:serviceaccount:a:b", "api://AzureADTokenExchange"


class Certificate:
    """A key with its self-signed certificate."""

    def __init__(self) -> None:
        key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
        name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "onboarding")])
        now = datetime.now(UTC)
        builder = x509.CertificateBuilder(name, name, key.public_key(), 1, now, now + timedelta(days=1))
        made = builder.sign(key, hashes.SHA256())
        self.pem = made.public_bytes(serialization.Encoding.PEM).decode()
        self._der = made.public_bytes(serialization.Encoding.DER)
        form = serialization.PrivateFormat.PKCS8
        text = key.private_bytes(serialization.Encoding.PEM, form, serialization.NoEncryption())
        self.key = RSAKey.import_key(text)

    def thumbprint(self, digest: str) -> str:
        return base64.urlsafe_b64encode(hashlib.new(digest, self._der).digest()).rstrip(b"=").decode()

    def assertion(self, algorithm: str = "PS256", header: dict[str, str] | None = None, **changes: Any) -> str:
        named = {"x5t#S256": self.thumbprint("sha256")} if header is None else header
        now = int(time.time())
        usual = {"aud": TOKEN_URL, "iss": APP, "sub": APP, "jti": str(uuid.uuid4()), "nbf": now, "exp": now + 300}
        return jwt.encode({"alg": algorithm, **named}, usual | changes, self.key, algorithms=[algorithm])


@pytest.fixture(scope="module")
def certificate() -> Certificate:
    return Certificate()


@pytest.fixture(scope="module")
def stranger() -> Certificate:
    return Certificate()


async def sent(ms: Microsoft, assertion: str, tenant: str = TENANT) -> httpx2.Response:
    await ms.consent(tenant)
    form = {"client_secret": None, "client_assertion_type": TYPE, "client_assertion": assertion}
    return await ms.token(tenant, **form)


async def number(ms: Microsoft, assertion: str, tenant: str = TENANT) -> int:
    status, error, numbers = codes(await sent(ms, assertion, tenant))
    assert (status, error) == (401, "invalid_client")
    return numbers[0]


async def test_a_registered_certificate_signs_in(certificate: Certificate) -> None:
    async with microsoft(certificates=[certificate.pem]) as ms:
        assert (await sent(ms, certificate.assertion())).status_code == 200


async def test_the_older_header_with_rs256_is_accepted(certificate: Certificate) -> None:
    header = {"x5t": certificate.thumbprint("sha1")}
    async with microsoft(certificates=[certificate.pem]) as ms:
        assert (await sent(ms, certificate.assertion("RS256", header))).status_code == 200


async def test_an_unregistered_certificate_is_refused(certificate: Certificate, stranger: Certificate) -> None:
    async with microsoft(certificates=[certificate.pem]) as ms:
        assert await number(ms, stranger.assertion()) == 700027


async def test_the_key_must_be_that_of_the_certificate(certificate: Certificate, stranger: Certificate) -> None:
    header = {"x5t#S256": certificate.thumbprint("sha256")}
    async with microsoft(certificates=[certificate.pem]) as ms:
        assert await number(ms, stranger.assertion(header=header)) == 700027


async def test_an_assertion_without_a_thumbprint_is_refused(certificate: Certificate) -> None:
    async with microsoft(certificates=[certificate.pem]) as ms:
        assert await number(ms, certificate.assertion(header={})) == 700027


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"aud": f"{URL}/{OTHER}/oauth2/v2.0/token"}, 700023),
        ({"iss": OTHER}, 700021),
        ({"sub": OTHER}, 700021),
        ({"exp": 1}, 700024),
        ({"nbf": 4_000_000_000, "exp": 4_000_000_001}, 700024),
    ],
)
async def test_every_claim_of_an_assertion_is_verified(
    certificate: Certificate, changes: dict[str, Any], expected: int
) -> None:
    async with microsoft(certificates=[certificate.pem]) as ms:
        assert await number(ms, certificate.assertion(**changes)) == expected


async def test_an_assertion_is_for_one_tenant(certificate: Certificate) -> None:
    async with microsoft(certificates=[certificate.pem]) as ms:
        assert await number(ms, certificate.assertion(), OTHER) == 700023


async def test_an_assertion_is_accepted_once(certificate: Certificate) -> None:
    assertion = certificate.assertion()
    async with microsoft(certificates=[certificate.pem]) as ms:
        answers = [(await sent(ms, assertion)).status_code for _ in range(2)]

    assert answers == [200, 400]


async def test_the_type_of_the_assertion_is_required(certificate: Certificate) -> None:
    async with microsoft(certificates=[certificate.pem]) as ms:
        answer = await ms.token(client_secret=None, client_assertion=certificate.assertion())

    assert codes(answer)[2] == [9002313]


async def test_a_malformed_assertion_is_refused(certificate: Certificate) -> None:
    async with microsoft(certificates=[certificate.pem]) as ms:
        assert codes(await sent(ms, "a.b.c"))[2] == [50027]


def federated(key: RSAKey) -> dict[str, Any]:
    keys = {"keys": [key.as_dict(private=False)]}
    return {"federated": [{"issuer": ISSUER, "subject": SUBJECT, "audience": AUDIENCE, "jwks": keys}]}


def foreign(certificate: Certificate, **changes: Any) -> str:
    claims = {"iss": ISSUER, "sub": SUBJECT, "aud": AUDIENCE, **changes}
    return certificate.assertion("RS256", {}, **claims)


async def test_a_token_of_a_federated_issuer_signs_in(certificate: Certificate) -> None:
    async with microsoft(**federated(certificate.key)) as ms:
        assert (await sent(ms, foreign(certificate, aud=[AUDIENCE]))).status_code == 200


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"iss": "https://issuer.example/"}, 700211),
        ({"aud": "api://azureadtokenexchange"}, 700212),
        ({"sub": "system:serviceaccount:a:B"}, 700213),
        ({"exp": 1}, 700024),
    ],
)
async def test_a_federated_token_must_match_exactly(
    certificate: Certificate, changes: dict[str, Any], expected: int
) -> None:
    async with microsoft(**federated(certificate.key)) as ms:
        assert await number(ms, foreign(certificate, **changes)) == expected


async def test_a_federated_token_needs_the_key_of_its_issuer(certificate: Certificate, stranger: Certificate) -> None:
    async with microsoft(**federated(certificate.key)) as ms:
        assert await number(ms, foreign(stranger)) == 700027


async def test_without_federated_credentials_no_foreign_token_counts(certificate: Certificate) -> None:
    async with microsoft() as ms:
        assert codes(await sent(ms, foreign(certificate))) == (400, "invalid_request", [70021])
