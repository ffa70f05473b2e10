"""Certificates for tests: an authority, and what it signs."""

import datetime
import ipaddress

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

DAY = datetime.timedelta(days=1)


def name(common):
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, common)])


class Authority:
    def __init__(self, folder, common="test authority"):
        self.folder = folder
        self.key = ec.generate_private_key(ec.SECP256R1())
        self.certificate = self.sign(common, self.key, common, True)
        self.path = folder / f"{common.replace(' ', '-')}.pem"
        self.path.write_bytes(pem(self.certificate))

    def sign(self, common, key, issuer=None, is_authority=False, days=30):
        now = datetime.datetime.utcnow()
        builder = (
            x509.CertificateBuilder()
            .subject_name(name(common))
            .issuer_name(
                name(issuer) if issuer else self.certificate.subject
            )
            .public_key(key.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(now - 2 * DAY)
            .not_valid_after(now + days * DAY)
            .add_extension(
                x509.BasicConstraints(is_authority, None), critical=True
            )
        )
        if not is_authority:
            names = [
                x509.DNSName("localhost"),
                x509.IPAddress(ipaddress.ip_address("127.0.0.1")),
            ]
            builder = builder.add_extension(
                x509.SubjectAlternativeName(names), critical=False
            )
        return builder.sign(self.key, hashes.SHA256())

    def issue(self, common, days=30, file=None):
        """Paths of a certificate and its key."""
        key = ec.generate_private_key(ec.SECP256R1())
        cert = self.folder / f"{file or common}.pem"
        private = self.folder / f"{file or common}.key"
        cert.write_bytes(pem(self.sign(common, key, days=days)))
        private.write_bytes(
            key.private_bytes(
                serialization.Encoding.PEM,
                serialization.PrivateFormat.PKCS8,
                serialization.NoEncryption(),
            )
        )
        return cert, private


def pem(certificate):
    return certificate.public_bytes(serialization.Encoding.PEM)
