"""Makes a certificate for 127.0.0.1. argv: the folder, where `ca.pem`, `cert.pem` and `key.pem` come."""

import ipaddress
import sys
from datetime import datetime, timedelta, timezone
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

folder = Path(sys.argv[1])
now = datetime.now(timezone.utc)


def certificate(name, key, issuer, issuer_key, *extensions):
    named = lambda text: x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, text)])
    builder = (
        x509.CertificateBuilder()
        .subject_name(named(name))
        .issuer_name(named(issuer))
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(hours=1))
        .not_valid_after(now + timedelta(hours=1))
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), False)
        .add_extension(
            x509.AuthorityKeyIdentifier.from_issuer_public_key(issuer_key.public_key()), False
        )
    )
    for extension, critical in extensions:
        builder = builder.add_extension(extension, critical)
    return builder.sign(issuer_key, hashes.SHA256()).public_bytes(serialization.Encoding.PEM)


usages = [
    "digital_signature",
    "content_commitment",
    "key_encipherment",
    "data_encipherment",
    "key_agreement",
    "key_cert_sign",
    "crl_sign",
    "encipher_only",
    "decipher_only",
]
usage = lambda used: (x509.KeyUsage(**{name: name == used for name in usages}), True)
ca_key, key = (ec.generate_private_key(ec.SECP256R1()) for _ in range(2))
ca = certificate(
    "ca", ca_key, "ca", ca_key, (x509.BasicConstraints(True, 0), True), usage("key_cert_sign")
)
address = x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address("127.0.0.1"))])
leaf = certificate("server", key, "ca", ca_key, (address, False), usage("digital_signature"))
(folder / "ca.pem").write_bytes(ca)
(folder / "cert.pem").write_bytes(leaf)
(folder / "key.pem").write_bytes(
    key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )
)
print("null")
