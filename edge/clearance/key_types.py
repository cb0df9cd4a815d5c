"""The kinds of key that sign here: what an envelope calls each, how long its public halves and signatures are.

A kind of key is plugged in at this seam and nowhere else (docs/decisions/0075). Which one a signature is checked by
follows from the key that the lane trusts, never from what a message says of itself (RFC 8725, 3.1). A keyset may name
only the kinds of `KEYSET_KEY_TYPES`.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Protocol

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey


@dataclass(frozen=True, slots=True)
class KeyType:
    """One kind of key. `algorithm` is the name in an envelope's `alg` and in a keyset entry's."""

    algorithm: str
    public_bytes: int
    signature_bytes: int


class TypedPublicKey(Protocol):
    """A public key that says of what kind it is."""

    @property
    def key_type(self) -> KeyType:
        """The kind of this key."""
        ...

    def public_bytes_raw(self) -> bytes:
        """Return the `public_bytes` bytes that a keyset names it by."""
        ...

    def verify(self, signature: bytes, data: bytes) -> None:
        """Raise InvalidSignature unless this key signed these bytes."""
        ...


class TypedPrivateKey(Protocol):
    """A private key that says of what kind it is."""

    @property
    def key_type(self) -> KeyType:
        """The kind of this key."""
        ...

    def public_key(self) -> TypedPublicKey:
        """Return the public half, of the same kind."""
        ...

    def sign(self, data: bytes) -> bytes:
        """Return the `signature_bytes` bytes of its signature below `data`."""
        ...


# The library's own keys cannot say their kind: they are told by their class.
PublicKey = Ed25519PublicKey | TypedPublicKey
PrivateKey = Ed25519PrivateKey | TypedPrivateKey

ED25519 = KeyType("EdDSA", public_bytes=32, signature_bytes=64)

_READERS: Mapping[str, Callable[[bytes], PublicKey]] = MappingProxyType(
    {ED25519.algorithm: Ed25519PublicKey.from_public_bytes}
)
KEYSET_KEY_TYPES: Mapping[str, KeyType] = MappingProxyType({ED25519.algorithm: ED25519})


def key_type_of(key: PublicKey | PrivateKey) -> KeyType:
    """Return the kind that this key is of."""
    return ED25519 if isinstance(key, Ed25519PublicKey | Ed25519PrivateKey) else key.key_type


def read_public_key(algorithm: str, raw: bytes) -> PublicKey:
    """Return the public key, of a kind that a keyset may name; raises ValueError where the bytes are none of it."""
    if len(raw) != KEYSET_KEY_TYPES[algorithm].public_bytes:
        raise ValueError(f"expected {KEYSET_KEY_TYPES[algorithm].public_bytes} bytes, got {len(raw)}")
    return _READERS[algorithm](raw)
