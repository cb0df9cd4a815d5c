"""JWS compact serialisation (RFC 7515), signed by a key of one of `edge.clearance.key_types`, and nothing else.

A strict reader after RFC 8725: the header has exactly `alg`, `typ` and `kid`; the algorithm is what the trusted key
is for, and a message that names another one is refused.
"""

import base64
import binascii
import re
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from cryptography.exceptions import InvalidSignature

from edge.clearance.key_types import PrivateKey, PublicKey, key_type_of
from edge.clearance.strict_json import StrictJsonError, parse_object
from edge.json_encoder import encoder

MAX_ENVELOPE_BYTES = 16 * 1024
IDENTIFIER = re.compile(r"\A[A-Za-z0-9_-]{1,64}\Z")

_HEADER_NAMES = frozenset({"alg", "typ", "kid"})
# Header members by which a message would bring or point to its own key, or change how it is to be read.
_FORBIDDEN_NAMES = frozenset({"jwk", "jku", "x5u", "x5c", "x5t", "x5t#S256", "crit", "b64", "zip"})
_BASE64URL = re.compile(r"\A[A-Za-z0-9_-]+\Z")

_encode = encoder(sort_keys=True, separators=(",", ":"), allow_nan=False)


class EnvelopeError(ValueError):
    """An envelope was refused. `reason` is stable, `detail` is for people and carries no payload.

    Reasons: too_large, not_compact, base64_not_canonical, header_json, header_forbidden, header_fields,
    header_type, header_key_id; once the key is known: header_algorithm, signature_length, signature_invalid.
    """

    def __init__(self, reason: str, detail: str = "") -> None:
        super().__init__(f"{reason}: {detail}" if detail else reason)
        self.reason = reason
        self.detail = detail


@dataclass(frozen=True, slots=True)
class Envelope:
    """An envelope whose form was checked and whose signature was not. `algorithm` is only what it says of itself."""

    key_id: str
    signed: bytes
    payload: bytes
    signature: bytes
    algorithm: str


def canonical_json(value: Any) -> bytes:
    """Return the one encoding that we sign: UTF-8, sorted keys, no white space, finite numbers."""
    return _encode(value).encode()


def seal(payload: bytes, *, typ: str, key_id: str, key: PrivateKey) -> bytes:
    """Return the signed compact envelope of `payload`."""
    header = {"alg": key_type_of(key).algorithm, "kid": key_id, "typ": typ}
    signed = encode_base64url(canonical_json(header)) + b"." + encode_base64url(payload)
    return signed + b"." + encode_base64url(key.sign(signed))


def split(raw: bytes, *, typ: str) -> Envelope:
    """Return the parts of a compact envelope of type `typ`; raises EnvelopeError. Verifies no signature."""
    if len(raw) > MAX_ENVELOPE_BYTES:
        raise EnvelopeError("too_large", f"{len(raw)} bytes")
    parts = raw.split(b".")
    if len(parts) != 3:
        raise EnvelopeError("not_compact", f"{len(parts)} parts")
    header, payload, signature = (decode_base64url(part) for part in parts)
    key_id, algorithm = _check_header(header, typ)
    return Envelope(key_id, parts[0] + b"." + parts[1], payload, signature, algorithm)


def verify(envelope: Envelope, key: PublicKey) -> bytes:
    """Return the payload, now proved to be signed with `key`, by the algorithm of `key`.

    Raises EnvelopeError: header_algorithm, signature_length, signature_invalid.
    """
    key_type = key_type_of(key)
    if envelope.algorithm != key_type.algorithm:
        raise EnvelopeError("header_algorithm")
    if len(envelope.signature) != key_type.signature_bytes:
        raise EnvelopeError("signature_length", f"{len(envelope.signature)} bytes")
    try:
        key.verify(envelope.signature, envelope.signed)
    except InvalidSignature as error:
        raise EnvelopeError("signature_invalid") from error
    return envelope.payload


def encode_base64url(raw: bytes) -> bytes:
    """Return base64url without padding (RFC 7515, section 2)."""
    return base64.urlsafe_b64encode(raw).rstrip(b"=")


def decode_base64url(part: bytes) -> bytes:
    """Return the bytes of canonical unpadded base64url; raises EnvelopeError for any other spelling of them."""
    try:
        text = part.decode("ascii")
        if not _BASE64URL.match(text):
            raise EnvelopeError("base64_not_canonical")
        raw = base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))
    except (UnicodeDecodeError, binascii.Error) as error:
        raise EnvelopeError("base64_not_canonical") from error
    if encode_base64url(raw) != part:
        raise EnvelopeError("base64_not_canonical")
    return raw


# A key's header is the same in every envelope it signs.
@lru_cache(maxsize=64)
def _check_header(raw: bytes, typ: str) -> tuple[str, str]:
    try:
        header = parse_object(raw)
    except StrictJsonError as error:
        raise EnvelopeError("header_json", error.reason) from error
    if _FORBIDDEN_NAMES & header.keys():
        raise EnvelopeError("header_forbidden", ", ".join(sorted(_FORBIDDEN_NAMES & header.keys())))
    if header.keys() != _HEADER_NAMES:
        raise EnvelopeError("header_fields", f"{len(header)} fields")
    algorithm = header["alg"]
    if not isinstance(algorithm, str):
        raise EnvelopeError("header_algorithm")
    if header["typ"] != typ:
        raise EnvelopeError("header_type")
    key_id = header["kid"]
    if not isinstance(key_id, str) or not IDENTIFIER.match(key_id):
        raise EnvelopeError("header_key_id")
    return key_id, algorithm
