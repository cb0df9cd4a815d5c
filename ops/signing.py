"""Central's signature below what it acknowledges: JWS compact form, as lanes of a site with signed ones want it."""

import base64
import hashlib
import json
import os
import stat
from collections.abc import Mapping
from pathlib import Path

from cryptography.exceptions import InternalError, UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import load_pem_private_key

from ops.envelope import Lane


class SigningError(Exception):
    """The key cannot be used; the text says which and why."""


class Acknowledger:
    """Signs with the Ed25519 key (PKCS #8 PEM) of a file that its owner alone may read.

    The site's keyset names its public half, role `ops`.
    """

    def __init__(self, path: Path) -> None:
        try:
            mode = stat.S_IMODE(path.stat().st_mode)
            key = load_pem_private_key(path.read_bytes(), password=None)
        except (OSError, ValueError, TypeError, UnsupportedAlgorithm, InternalError) as error:
            raise SigningError(f"{path}: {error}") from error
        if os.name == "posix" and mode & 0o077:
            raise SigningError(f"{path}: readable by others: expected mode 0600, got {mode:04o}; chmod 600 {path}")
        if not isinstance(key, Ed25519PrivateKey):
            raise SigningError(f"{path}: expected an Ed25519 key, got {type(key).__name__}")
        self._key = key
        self._key_id = hashlib.sha256(key.public_key().public_bytes_raw()).hexdigest()[:16]

    def __call__(self, lane: Lane, epoch: int, seq: int) -> bytes:
        """Return the signed word that all events of `epoch` through `seq` are stored."""
        header = {"alg": "EdDSA", "kid": self._key_id, "typ": "gate-ack+jws"}
        claims = {"v": 1, "typ": "gate-ack+jws", "site": lane.site, "lane": lane.name, "epoch": epoch, "seq": seq}
        signed = _part(header) + b"." + _part(claims)
        return signed + b"." + _base64url(self._key.sign(signed))


def unsigned(_lane: Lane, epoch: int, seq: int) -> bytes:
    """Return the same without a signature."""
    return b'{"epoch":%d,"seq":%d}' % (epoch, seq)


def _part(value: Mapping[str, object]) -> bytes:
    return _base64url(json.dumps(value, sort_keys=True, separators=(",", ":")).encode())


def _base64url(raw: bytes) -> bytes:
    return base64.urlsafe_b64encode(raw).rstrip(b"=")
