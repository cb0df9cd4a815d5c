"""The root of a site: one key, or three of which two have to sign (hazards.md 4.3).

What a root signs (a keyset, the word that another root follows) is a file of compact envelopes, one a line: each of the
same payload, each by another key of the root.
"""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass

from edge.clearance.envelope import seal, split, verify
from edge.clearance.key_types import PrivateKey, PublicKey

# A stolen key signs nothing alone, and one that is lost stops nobody.
KEYS_OF_SHARED_ROOT = 3
SIGNERS_OF_SHARED_ROOT = 2


class RootError(ValueError):
    """What a root should have signed was refused. `reason` is stable.

    Reasons: root_key_id, root_twice, root_threshold, root_payload.
    """

    def __init__(self, reason: str, detail: str = "") -> None:
        super().__init__(f"{reason}: {detail}" if detail else reason)
        self.reason = reason


@dataclass(frozen=True, slots=True)
class Root:
    """The keys of a root by their ids: one, or `KEYS_OF_SHARED_ROOT`."""

    keys: Mapping[str, PublicKey]

    @property
    def key_id(self) -> str:
        """What versions are counted under: the id of the only key, or one of all of them in any order."""
        if len(self.keys) == 1:
            return next(iter(self.keys))
        together = b"".join(sorted(key.public_bytes_raw() for key in self.keys.values()))
        return hashlib.sha256(together).hexdigest()[:16]

    @property
    def threshold(self) -> int:
        """How many of the keys have to sign."""
        return 1 if len(self.keys) == 1 else SIGNERS_OF_SHARED_ROOT

    def open(self, raw: bytes, *, typ: str) -> bytes:
        """Return the payload that enough keys of this root signed; raises RootError and EnvelopeError.

        Whatever else lies in the file has to be good as well: a line that is not makes all of it refused.
        """
        envelopes = [split(line, typ=typ) for line in _lines(raw)]
        signers = [one.key_id for one in envelopes]
        for key_id in signers:
            if key_id not in self.keys:
                raise RootError("root_key_id")
        if len(set(signers)) < len(signers):
            raise RootError("root_twice")
        if len(signers) < self.threshold:
            raise RootError("root_threshold", f"expected {self.threshold} keys of the root, got {len(signers)}")
        if len({one.payload for one in envelopes}) > 1:
            raise RootError("root_payload")
        for one in envelopes:
            verify(one, self.keys[one.key_id])
        return envelopes[0].payload


def signed_by(raw: bytes, *, typ: str) -> tuple[str, ...]:
    """Return whose signatures a file says to have, and verifies none; raises EnvelopeError."""
    return tuple(split(line, typ=typ).key_id for line in _lines(raw))


def payload_of(raw: bytes, *, typ: str) -> bytes:
    """Return what the first line of a file says, for a person to read; verifies nothing. Raises EnvelopeError."""
    return split(_lines(raw)[0], typ=typ).payload


def line_of(raw: bytes, *, typ: str, key_id: str) -> bytes:
    """Return the line that one key says to have signed; the first where none does. Raises EnvelopeError."""
    lines = _lines(raw)
    return next((line for line in lines if split(line, typ=typ).key_id == key_id), lines[0])


def countersigned(raw: bytes, *, typ: str, key_id: str, key: PrivateKey) -> bytes:
    """Return the file with one more signature below the same payload; raises RootError (root_twice), EnvelopeError."""
    if key_id in signed_by(raw, typ=typ):
        raise RootError("root_twice")
    return raw + b"\n" + seal(payload_of(raw, typ=typ), typ=typ, key_id=key_id, key=key)


def _lines(raw: bytes) -> list[bytes]:
    # One more than a root has keys is refused in any case, however long it is.
    return raw.split(b"\n", KEYS_OF_SHARED_ROOT)
