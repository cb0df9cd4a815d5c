"""How long the certificates of a connection still hold."""

from datetime import datetime
from pathlib import Path

from cryptography import x509

_DAY_S = 86_400.0


def days_left(file: Path, now: datetime) -> float:
    """Return the days until the first certificate of a PEM file ends. Raises OSError or ValueError."""
    ends = min(one.not_valid_after_utc for one in x509.load_pem_x509_certificates(file.read_bytes()))
    return (ends - now).total_seconds() / _DAY_S
