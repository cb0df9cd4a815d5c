"""How long certificates hold, and files in which none stands."""

import base64
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding

from edge.mqtt.certificates import lifetime
from tests.support.certificates import CertificateAuthority


def test_a_version_that_no_certificate_has_is_a_value_error(tmp_path: Path) -> None:
    authority = CertificateAuthority(tmp_path)
    der = x509.load_pem_x509_certificate(authority.ca_file.read_bytes()).public_bytes(Encoding.DER)
    assert lifetime(authority.ca_file)[0] < lifetime(authority.ca_file)[1]
    version = b"\xa0\x03\x02\x01"
    strange = base64.b64encode(der.replace(version + b"\x02", version + b"\x42", 1)).decode()
    authority.ca_file.write_text(f"-----BEGIN CERTIFICATE-----\n{strange}\n-----END CERTIFICATE-----\n")
    with pytest.raises(ValueError, match="version"):
        lifetime(authority.ca_file)


@pytest.mark.parametrize("content", [b"", b"-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n"])
def test_a_file_without_a_certificate_is_a_value_error(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "ca.pem").write_bytes(content)
    with pytest.raises(ValueError, match=r"PEM|cert|pars|ASN"):
        lifetime(tmp_path / "ca.pem")
