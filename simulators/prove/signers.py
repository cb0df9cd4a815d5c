"""Keys of the simulated authorities and lanes: Ed25519, or a keyed hash as another kind of key.

A signature costs more than all else in a passage. What is proved about the lane does not depend on the mathematics
of the signature, so 99 of 100 passages sign with HMAC-SHA-512; the bytes around it are the real ones. No keyset file
and no configuration can name this kind: it exists only in keysets that this module makes in memory.
"""

import hashlib
import hmac
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import timedelta

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from edge.clearance.key_types import KeyType, PrivateKey
from edge.clearance.keys import key_id_of
from edge.clearance.keyset import Keyset, KeysetKey, Role, open_keyset, seal_keyset
from simulators.prove.virtual_time import FIRST_DAY

_LIFE = timedelta(days=14)
_ROOT = "root"
# Keys that each authority may go over to.
SPARES = 3


# The name that RFC 7518 has for it. It is not one of `KEYSET_KEY_TYPES`: whoever can verify with it can sign.
KEYED_HASH = KeyType("HS512", public_bytes=32, signature_bytes=64)


@dataclass(frozen=True, slots=True)
class _HashPublic:
    secret: bytes
    key_type: KeyType = KEYED_HASH

    def public_bytes_raw(self) -> bytes:
        return hashlib.sha256(b"public" + self.secret).digest()

    def verify(self, signature: bytes, data: bytes) -> None:
        if not hmac.compare_digest(hmac.digest(self.secret, data, "sha512"), signature):
            raise InvalidSignature


@dataclass(frozen=True, slots=True)
class _HashPrivate:
    secret: bytes
    key_type: KeyType = KEYED_HASH

    def public_key(self) -> _HashPublic:
        return _HashPublic(self.secret)

    def sign(self, data: bytes) -> bytes:
        return hmac.digest(self.secret, data, "sha512")


def hash_key(name: str) -> PrivateKey:
    """Return a signer that stands in for an Ed25519 key; the same for the same name."""
    return _HashPrivate(hashlib.sha256(name.encode()).digest())


def real_key(name: str) -> Ed25519PrivateKey:
    """Return an Ed25519 key; the same for the same name."""
    return Ed25519PrivateKey.from_private_bytes(hashlib.sha256(b"real" + name.encode()).digest())


@dataclass(frozen=True, slots=True)
class Signers:
    """Every key of one site. `keyset` is what the lane trusts; `key_ids` names each private key's public half."""

    keyset: Keyset
    keys: Mapping[str, PrivateKey]
    key_ids: Mapping[str, str]


def root_pem() -> bytes:
    """Return the public half of the simulated root, as a lane pins it."""
    return real_key(_ROOT).public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)


def sealed(keyset: Keyset) -> bytes:
    """Return a keyset signed by the simulated root.

    None can name keyed hashes. Their public bytes stand in it as those of other keys; the opener puts hashes back.
    """
    keys = {
        key_id: replace(one, public=Ed25519PublicKey.from_public_bytes(one.public.public_bytes_raw()))
        for key_id, one in keyset.keys.items()
    }
    return seal_keyset(replace(keyset, keys=keys), real_key(_ROOT))


def site_signers(
    site: str, lanes: tuple[str, ...], authorities: tuple[str, ...], officers: tuple[str, ...], *, real: bool
) -> Signers:
    """Make the keys. The real ones go through a sealed keyset and the lane's own check of it."""
    make: Callable[[str], PrivateKey] = real_key if real else hash_key
    planners = tuple(f"sampling-{name}" for name in authorities)
    listers = tuple(f"list-{name}" for name in authorities)
    spares = tuple(f"{name}-{number}" for name in authorities for number in range(SPARES))
    results = tuple(f"result-{name}" for name in authorities)
    others = (*officers, *planners, *listers, *results, *spares, "stranger", "revoked", "other-site")
    keys = {name: make(name) for name in (*lanes, *authorities, *others)}
    ids = {name: key_id_of(key.public_key()) for name, key in keys.items()}
    entries: dict[str, KeysetKey] = {}

    def add(name: str, role: Role, issuer: str, scope: tuple[str, ...], *, revoked: bool = False) -> None:
        entries[ids[name]] = KeysetKey(
            ids[name], issuer, keys[name].public_key(), role, scope, ("*",), FIRST_DAY - _LIFE, FIRST_DAY + _LIFE,
            "revoked" if revoked else "active",
        )  # fmt: skip

    for name, planner, lister, result in zip(authorities, planners, listers, results, strict=True):
        add(name, "grant", name, (site,))
        add(planner, "sampling", name, (site,))
        add(lister, "list", name, (site,))
        add(result, "result", name, (site,))
    for name in lanes:
        add(name, "request", name, (site,))
    for name in officers:
        add(name, "officer", name, (site,))
    add("revoked", "grant", authorities[0], (site,), revoked=True)
    add("other-site", "grant", authorities[0], ("elsewhere",))
    root = real_key(_ROOT)
    root_id = key_id_of(root.public_key())
    keyset = Keyset(root_id, 3, "simulated", FIRST_DAY - _LIFE, FIRST_DAY + _LIFE, entries)
    if real:
        keyset = open_keyset(
            seal_keyset(keyset, root),
            root_key_id=root_id,
            root=root.public_key(),
            environment="simulated",
            now_utc=FIRST_DAY,
            highest_seen=3,
        )
    return Signers(keyset, keys, ids)
