"""Certificates: what a PEM file must contain, and the assertions that are signed with it."""

import base64
import hashlib
import time
from datetime import UTC, datetime, timedelta

import pytest
import structlog
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from joserfc import jwt
from joserfc.jwk import RSAKey
from prometheus_client import REGISTRY

from task_runner.checks.connectivity import with_credential
from task_runner.providers.credentials.certificates import (
    CertificateCredential,
    UnusableCertificate,
    hidden_texts,
    parse_certificate,
    sign_assertion,
)
from task_runner.providers.graph_errors import SignInRefused
from task_runner.tasks import Result, TaskFault
from tests.support.certificates import made_certificate

APPLICATION = "aaaaaaaa-0000-4000-8000-00000000000a"
TOKEN_URL = "https://login.example/aaaaaaaa-0000-4000-8000-000000000001/oauth2/v2.0/token"
MADE = made_certificate()
OTHER = made_certificate()


def credential(pem: str, name: str = "main") -> CertificateCredential:
    return CertificateCredential(name, APPLICATION, lambda: pem)


def test_an_assertion_is_what_microsoft_documents() -> None:
    certificate = x509.load_pem_x509_certificate(MADE.certificate.encode())
    public = certificate.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)

    token = jwt.decode(
        sign_assertion(parse_certificate(MADE.pem), APPLICATION, TOKEN_URL), RSAKey.import_key(public), ["PS256"]
    )

    digest = hashlib.sha256(certificate.public_bytes(Encoding.DER)).digest()
    assert token.header == {
        "alg": "PS256",
        "typ": "JWT",
        "x5t#S256": base64.urlsafe_b64encode(digest).rstrip(b"=").decode(),
    }
    assert token.claims.keys() == {"aud", "iss", "sub", "jti", "nbf", "iat", "exp"}
    assert (token.claims["aud"], token.claims["iss"], token.claims["sub"]) == (TOKEN_URL, APPLICATION, APPLICATION)
    assert abs(token.claims["nbf"] - time.time()) < 5
    assert token.claims["iat"] == token.claims["nbf"]
    assert 0 < token.claims["exp"] - token.claims["iat"] <= 600


async def test_every_request_gets_an_assertion_of_its_own() -> None:
    main = credential(MADE.pem)
    sent = [(await main.prove(TOKEN_URL)).members["client_assertion"] for _ in range(3)]

    assert len(set(sent)) == 3


def test_order_and_further_certificates_do_not_matter() -> None:
    expected = parse_certificate(MADE.pem).thumbprint

    assert parse_certificate(MADE.certificate + OTHER.certificate + MADE.key).thumbprint == expected
    assert parse_certificate(MADE.key + OTHER.certificate + MADE.certificate).thumbprint == expected


@pytest.mark.parametrize(
    ("pem", "reason"),
    [
        ("", "must contain one private key"),
        (MADE.key, "must contain one private key"),
        (MADE.certificate, "must contain one private key"),
        (MADE.key + OTHER.key + MADE.certificate, "must contain one private key"),
        (MADE.key + OTHER.certificate, "does not belong"),
        (made_certificate(bits=1024).pem, "at least 2048 bits"),
        (made_certificate(elliptic=True).pem, "must be RSA"),
        (MADE.pem.replace("MII", "AAA"), "cannot be read"),
    ],
    ids=["empty", "key only", "certificate only", "two keys", "of another", "small", "elliptic", "garbled"],
)
async def test_an_unusable_file_is_refused_without_its_text(pem: str, reason: str) -> None:
    with pytest.raises(UnusableCertificate, match=reason):
        parse_certificate(pem)
    with pytest.raises(TaskFault) as caught:
        await credential(pem).prove(TOKEN_URL)

    assert (caught.value.reason_code, caught.value.retryable) == ("CREDENTIAL_INVALID", False)
    assert "MII" not in str(caught.value)


async def test_a_replaced_file_is_used_at_once() -> None:
    texts = [MADE.pem, OTHER.pem]
    main = CertificateCredential("main", APPLICATION, lambda: texts.pop(0))
    first, second = [(await main.prove(TOKEN_URL)).members["client_assertion"].split(".")[0] for _ in range(2)]

    assert first != second


async def test_an_expired_certificate_is_not_sent() -> None:
    with pytest.raises(SignInRefused) as caught:
        await credential(made_certificate(ends_in=timedelta(seconds=-5)).pem).prove(TOKEN_URL)

    assert caught.value.reason_code == "CREDENTIAL_EXPIRED"


@pytest.mark.parametrize(("days", "warned"), [(29, True), (31, False)])
async def test_the_log_warns_30_days_before_the_end(days: int, warned: bool) -> None:
    with structlog.testing.capture_logs() as lines:
        await credential(made_certificate(ends_in=timedelta(days=days)).pem).prove(TOKEN_URL)

    assert [line["event"] for line in lines] == ["credential_expires_soon"] * warned


async def test_a_metric_says_when_the_certificate_ends() -> None:
    proof = await credential(MADE.pem, "measured").prove(TOKEN_URL)
    value = REGISTRY.get_sample_value("onboarding_credential_expires_at_seconds", {"credential": "measured"})

    assert proof.expires_at is not None
    assert value == proof.expires_at.timestamp()


async def test_neither_key_nor_assertion_is_shown() -> None:
    main = credential(MADE.pem)
    proof = await main.prove(TOKEN_URL)
    lines = [line for line in MADE.key.splitlines() if len(line) > 40]

    assert lines
    assert {*lines, MADE.pem} <= set(hidden_texts(MADE.pem))
    assert proof.members["client_assertion"] in proof.hidden
    for shown in (repr(proof), repr(main), repr(parse_certificate(MADE.pem))):
        assert not any(line in shown for line in (*lines, proof.members["client_assertion"]))


def test_only_a_good_result_becomes_the_warning() -> None:
    now = datetime(2026, 11, 1, tzinfo=UTC)
    good, bad = Result.ok("GRAPH_OK", "Good.", {"a": 1}), Result.fail("GRAPH_TENANT_MISMATCH", "Bad.", {})
    soon = now + timedelta(days=29)

    assert with_credential(good, None, now) == good
    assert with_credential(good, now + timedelta(days=31), now).reason_code == "GRAPH_OK"
    warned = with_credential(good, soon, now)
    assert (warned.status.value, warned.reason_code) == ("warn", "CREDENTIAL_EXPIRES_SOON")
    assert warned.payload == {"a": 1, "credential_expires_at": soon.isoformat()}
    assert with_credential(bad, soon, now).reason_code == "GRAPH_TENANT_MISMATCH"
