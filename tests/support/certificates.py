"""Certificates of an application, made by the tests."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import NameOID


@dataclass(frozen=True)
class MadeCertificate:
    """The parts of a PEM file, and the file."""

    key: str
    certificate: str

    @property
    def pem(self) -> str:
        """Private key and certificate in one text."""
        return self.key + self.certificate


def made_certificate(
    *, bits: int = 2048, ends_in: timedelta = timedelta(days=365), elliptic: bool = False
) -> MadeCertificate:
    """A certificate with its private key that ends so long after now."""
    key = ec.generate_private_key(ec.SECP256R1()) if elliptic else rsa.generate_private_key(65537, bits)
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "onboarding")])
    end = datetime.now(UTC) + ends_in
    builder = x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number())
    builder = builder.not_valid_before(end - timedelta(days=800)).not_valid_after(end)
    certificate = builder.sign(key, hashes.SHA256())
    return MadeCertificate(
        key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode(),
        certificate.public_bytes(Encoding.PEM).decode(),
    )
