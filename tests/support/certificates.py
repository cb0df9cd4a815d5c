"""For TLS tests, made on the spot: an authority, certificates of servers and clients, lists of withdrawn ones."""

from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import NameOID


class CertificateAuthority:
    """Writes its own certificate to `ca_file` and issues others beside it."""

    def __init__(self, folder: Path, name: str = "ca") -> None:
        self._folder, self._key = folder, Ed25519PrivateKey.generate()
        self._name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
        self.ca_file = folder / f"{name}.pem"
        builder = self._builder(self._name, self._key, days=1).add_extension(
            x509.BasicConstraints(ca=True, path_length=0), critical=True
        )
        usage = x509.KeyUsage(False, False, False, False, False, True, True, False, False)
        self.ca_file.write_bytes(
            builder.add_extension(usage, critical=True).sign(self._key, None).public_bytes(Encoding.PEM)
        )

    def issue(self, address: str, *, days: float = 1, from_days: float = -10) -> tuple[Path, Path]:
        """Return certificate and key file for an IP address; `days` below zero makes it expired."""
        return self._issue(address, [x509.IPAddress(ip_address(address))], days, from_days)

    def issue_client(self, name: str, *, days: float = 1, file: str = "") -> tuple[Path, Path]:
        """Return certificate and key file of a client with this common name; `file` where it is no file name."""
        return self._issue(name, [x509.DNSName("client.example.internal")], days, -10, file or name)

    def revoke(self, *certificates: Path) -> Path:
        """Return a list of withdrawn certificates, signed; it holds these."""
        now = datetime.now(UTC)
        builder = x509.CertificateRevocationListBuilder().issuer_name(self._name)
        builder = builder.last_update(now - timedelta(days=1)).next_update(now + timedelta(days=1))
        for file in certificates:
            serial = x509.load_pem_x509_certificate(file.read_bytes()).serial_number
            revoked = x509.RevokedCertificateBuilder().serial_number(serial).revocation_date(now - timedelta(days=1))
            builder = builder.add_revoked_certificate(revoked.build())
        path = self._folder / "crl.pem"
        path.write_bytes(builder.sign(self._key, None).public_bytes(Encoding.PEM))
        return path

    def _issue(
        self, name: str, names: list[x509.GeneralName], days: float, from_days: float, file: str = ""
    ) -> tuple[Path, Path]:
        key = Ed25519PrivateKey.generate()
        subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
        builder = self._builder(subject, key, days, from_days)
        issued = builder.add_extension(x509.SubjectAlternativeName(names), critical=False).sign(self._key, None)
        certificate_file, key_file = self._folder / f"{file or name}.pem", self._folder / f"{file or name}.key"
        certificate_file.write_bytes(issued.public_bytes(Encoding.PEM))
        key_file.write_bytes(key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
        return certificate_file, key_file

    def _builder(
        self, subject: x509.Name, key: Ed25519PrivateKey, days: float, from_days: float = -10
    ) -> x509.CertificateBuilder:
        now = datetime.now(UTC)
        public, own = key.public_key(), self._key.public_key()
        return (
            x509.CertificateBuilder()
            .subject_name(subject)
            .issuer_name(self._name)
            .public_key(public)
            .serial_number(x509.random_serial_number())
            .not_valid_before(now + timedelta(days=from_days))
            .not_valid_after(now + timedelta(days=days))
            .add_extension(x509.SubjectKeyIdentifier.from_public_key(public), critical=False)
            .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(own), critical=False)
        )
