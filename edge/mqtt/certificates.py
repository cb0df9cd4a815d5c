"""How long the certificates of a connection hold."""

from datetime import datetime
from pathlib import Path


def lifetime(file: Path) -> tuple[datetime, datetime]:
    """Return from when until when the certificate of a PEM file counts that ends first. Raises OSError, ValueError."""
    # Only a site with TLS needs it, and a start without is shorter.
    from cryptography import x509

    try:
        first = min(x509.load_pem_x509_certificates(file.read_bytes()), key=lambda one: one.not_valid_after_utc)
    except x509.InvalidVersion as error:
        raise ValueError(str(error)) from error
    return first.not_valid_before_utc, first.not_valid_after_utc
