"""The word of a root that another one follows it: signed by the old, taken once, never back (hazards.md 4.3, S14)."""

from datetime import datetime

from edge.clearance.claims import ClaimError, Table, check_claims, is_utc, one_of
from edge.clearance.envelope import (
    EnvelopeError,
    canonical_json,
    decode_base64url,
    encode_base64url,
    seal,
    split,
    verify,
)
from edge.clearance.key_types import ED25519, PrivateKey, PublicKey, read_public_key
from edge.clearance.keyset import ENVIRONMENTS, Environment, KeysetError
from edge.clearance.strict_json import StrictJsonError, parse_object
from edge.times import rfc3339

ROTATION_TYPE = "gate-root-rotation+jws"
ROTATION_VERSION = 1

_CLAIMS: Table = {
    "v": one_of(ROTATION_VERSION),
    "typ": one_of(ROTATION_TYPE),
    "environment": one_of(*ENVIRONMENTS),
    "root": lambda value: isinstance(value, str) and len(value) == 43,
    "issued": is_utc,
}


def seal_rotation(
    successor: PublicKey, *, environment: Environment, issued: datetime, key_id: str, root: PrivateKey
) -> bytes:
    """Return the old root's word that `successor` follows it; `key_id` is the old root's."""
    claims = {
        "v": ROTATION_VERSION,
        "typ": ROTATION_TYPE,
        "environment": environment,
        "root": encode_base64url(successor.public_bytes_raw()).decode(),
        "issued": rfc3339(issued),
    }
    return seal(canonical_json(claims), typ=ROTATION_TYPE, key_id=key_id, key=root)


def open_rotation(raw: bytes, *, root_key_id: str, root: PublicKey, environment: Environment) -> PublicKey | None:
    """Return the root that follows the pinned one; None where another root speaks. Raises KeysetError.

    A rotation of another root is no fault: it lies there still when its successor was pinned by hand.
    """
    try:
        envelope = split(raw.strip(), typ=ROTATION_TYPE)
        if envelope.key_id != root_key_id:
            return None
        claims = parse_object(verify(envelope, root))
        check_claims(claims, _CLAIMS)
        successor = read_public_key(ED25519.algorithm, decode_base64url(claims["root"].encode()))
    except (EnvelopeError, StrictJsonError, ClaimError) as error:
        raise KeysetError(error.reason, f"root rotation: {error}") from error
    if claims["environment"] != environment:
        raise KeysetError("environment", f"root rotation: expected {environment}, got {claims['environment']}")
    return successor
