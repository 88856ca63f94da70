"""Certificates for the tests' own servers: one authority, one certificate for 127.0.0.1."""

from __future__ import annotations

import datetime
import hashlib
import ipaddress
from dataclasses import dataclass
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID


@dataclass(frozen=True)
class Certificate:
    """A certificate with its key in one file, and the authority that signed it in another."""

    pem: Path
    authority: Path
    fingerprint: str


def make_certificate(folder: Path) -> Certificate:
    """A fresh authority and a certificate for 127.0.0.1 signed by it."""
    root_key, key = ec.generate_private_key(ec.SECP256R1()), ec.generate_private_key(ec.SECP256R1())
    root_name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "test authority")])
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "xs-test")])
    now = datetime.datetime.now(datetime.UTC)
    loopback = x509.IPAddress(ipaddress.ip_address("127.0.0.1"))

    def builder(subject: x509.Name, public: ec.EllipticCurvePublicKey, authority: bool) -> x509.CertificateBuilder:
        return (
            x509.CertificateBuilder()
            .subject_name(subject)
            .issuer_name(root_name)
            .public_key(public)
            .serial_number(x509.random_serial_number())
            .not_valid_before(now - datetime.timedelta(days=1))
            .not_valid_after(now + datetime.timedelta(days=1))
            .add_extension(x509.BasicConstraints(ca=authority, path_length=None), critical=True)
            .add_extension(x509.SubjectKeyIdentifier.from_public_key(public), critical=False)
            .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(root_key.public_key()), critical=False)
        )

    root = builder(root_name, root_key.public_key(), True).add_extension(_signs(), critical=True)
    leaf = builder(name, key.public_key(), False).add_extension(x509.SubjectAlternativeName([loopback]), critical=False)
    signed_root, signed = root.sign(root_key, hashes.SHA256()), leaf.sign(root_key, hashes.SHA256())
    encoding = serialization.Encoding.PEM
    private = key.private_bytes(encoding, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    pem, authority = folder / "host.pem", folder / "authority.pem"
    pem.write_bytes(private + signed.public_bytes(encoding))
    authority.write_bytes(signed_root.public_bytes(encoding))
    der = signed.public_bytes(serialization.Encoding.DER)
    return Certificate(pem, authority, hashlib.sha256(der).hexdigest())


def _signs() -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=True,
        key_cert_sign=True,
        crl_sign=True,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        encipher_only=False,
        decipher_only=False,
    )
