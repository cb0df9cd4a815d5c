"""The word of a root that another one follows it: signed by the old, taken once, never back (hazards.md 4.3, S14)."""

from collections.abc import Iterable
from datetime import datetime

from edge.clearance.claims import ClaimError, Table, check_claims, is_utc, one_of
from edge.clearance.envelope import EnvelopeError, canonical_json, decode_base64url, encode_base64url, seal
from edge.clearance.key_types import ED25519, PrivateKey, PublicKey, read_public_key
from edge.clearance.keyset import ENVIRONMENTS, Environment, KeysetError
from edge.clearance.roots import KEYS_OF_SHARED_ROOT, Root, RootError, signed_by
from edge.clearance.strict_json import StrictJsonError, parse_object
from edge.times import rfc3339

ROTATION_TYPE = "gate-root-rotation+jws"
ROTATION_VERSION = 1


def _is_key(value: object) -> bool:
    return isinstance(value, str) and len(value) == 43


def _is_root(value: object) -> bool:
    """One key, or the several of a root that they share."""
    if not isinstance(value, list):
        return _is_key(value)
    return len(value) == KEYS_OF_SHARED_ROOT and all(_is_key(one) for one in value) and len(set(value)) == len(value)


_CLAIMS: Table = {
    "v": one_of(ROTATION_VERSION),
    "typ": one_of(ROTATION_TYPE),
    "environment": one_of(*ENVIRONMENTS),
    "root": _is_root,
    "issued": is_utc,
}


def seal_rotation(
    *successors: PublicKey, environment: Environment, issued: datetime, key_id: str, root: PrivateKey
) -> bytes:
    """Return the old root's word that the root with these keys follows it; `key_id` is that of the old root's key.

    None of them may be a key of the old root (`open_rotation`): what it signs would be of both. Raises KeysetError
    (`root_overlaps`) where it is the one that signs.
    """
    _refuse_overlap([root.public_key()], successors)
    named = [encode_base64url(one.public_bytes_raw()).decode() for one in successors]
    claims = {
        "v": ROTATION_VERSION,
        "typ": ROTATION_TYPE,
        "environment": environment,
        "root": named[0] if len(named) == 1 else named,
        "issued": rfc3339(issued),
    }
    return seal(canonical_json(claims), typ=ROTATION_TYPE, key_id=key_id, key=root)


def open_rotation(raw: bytes, *, root: Root, environment: Environment) -> tuple[PublicKey, ...]:
    """Return the keys of the root that follows the pinned one; none where another root speaks. Raises KeysetError.

    A rotation of another root is no fault: it lies there still when its successor was pinned by hand. A root follows
    whole: one that keeps a key of the pinned one is refused (`root_overlaps`).
    """
    try:
        raw = raw.strip()
        if not root.keys.keys() & set(signed_by(raw, typ=ROTATION_TYPE)):
            return ()
        claims = parse_object(root.open(raw, typ=ROTATION_TYPE))
        check_claims(claims, _CLAIMS)
        named = claims["root"] if isinstance(claims["root"], list) else [claims["root"]]
        successor = tuple(read_public_key(ED25519.algorithm, decode_base64url(one.encode())) for one in named)
    except (EnvelopeError, RootError, StrictJsonError, ClaimError) as error:
        raise KeysetError(error.reason, f"root rotation: {error}") from error
    if claims["environment"] != environment:
        raise KeysetError("environment", f"root rotation: expected {environment}, got {claims['environment']}")
    _refuse_overlap(root.keys.values(), successor)
    return successor


def _refuse_overlap(old: Iterable[PublicKey], successor: Iterable[PublicKey]) -> None:
    if {one.public_bytes_raw() for one in old} & {one.public_bytes_raw() for one in successor}:
        raise KeysetError(
            "root_overlaps", "root rotation: the next root has a key of the old one; make all its keys anew"
        )
