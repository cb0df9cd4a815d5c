"""Bytes that are no officer's answer, by name, each with the reason it must be refused for."""

from collections.abc import Callable
from typing import Any

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from edge.clearance.confirmation import CONFIRM_TYPE
from edge.clearance.envelope import canonical_json, encode_base64url, seal
from edge.clearance.grant import GRANT_TYPE, MAX_TTL_MS
from edge.core.confirmation import Confirmation
from tests.support.handhelds import OFFICER, OfficerWorld
from tests.support.signed_vectors import claims, raw, text, without

Vector = Callable[[OfficerWorld], bytes]


def header(**changes: Any) -> Vector:
    """Sign a good payload under another header, correctly: only the header is at fault."""

    def make(world: OfficerWorld) -> bytes:
        found = {"alg": "EdDSA", "typ": CONFIRM_TYPE, "kid": world.key_id()} | changes
        text = canonical_json({name: value for name, value in found.items() if value is not ...})
        signed = encode_base64url(text) + b"." + encode_base64url(canonical_json(world.claims()))
        return signed + b"." + encode_base64url(world.keys[OFFICER].sign(signed))

    return make


def signed_by(name: str) -> Vector:
    return lambda world: world.sign(world.claims(), by=name)


def by_stranger(world: OfficerWorld) -> bytes:
    payload = canonical_json(world.claims())
    return seal(payload, typ=CONFIRM_TYPE, key_id=world.key_id(), key=Ed25519PrivateKey.generate())


def as_grant(world: OfficerWorld) -> bytes:
    return seal(canonical_json(world.claims()), typ=GRANT_TYPE, key_id=world.key_id(), key=world.keys[OFFICER])


def swapped_payload(world: OfficerWorld) -> bytes:
    refuse, opens = (world.sign(world.claims(decision=one)).split(b".") for one in ("refuse", "open"))
    return b".".join([refuse[0], opens[1], refuse[2]])


# One value of the wrong kind or outside its bounds for each claim.
WRONG_VALUES: dict[str, tuple[Any, ...]] = {
    "iss": ("", "chen wang", ["chen"], None),
    "site": ("+", "yard/x", 1),
    "lane": ("#", "lane1/x", None),
    "boot": (1, ""),
    "passage": ("p" * 65, None),
    "nonce": ("nonce1\n", None),
    "challenge_hash": ("0" * 63, "A" * 64, None),
    "decision": ("release", "OPEN", "open ", True, ["open"], None),
    "reason": ("", "Please open", "<b>", None, "a" * 65),
    "ttl_ms": (0, -1, MAX_TTL_MS + 1, "300000", 300_000.0, True),
    "iat": (1772352000, "2026-03-01T08:00:00+08:00", "2026-02-30T08:00:00Z", None),
    "cseq": (0, -7, "7", True),
    "drill": (0, 1, "false", None),
}
VECTORS: dict[str, tuple[str, Vector]] = {
    "oversize": ("too_large", lambda _: b"a" * (16 * 1024 + 1)),
    "empty": ("not_compact", lambda _: b""),
    "words": ("not_compact", lambda _: b"open"),
    "four_parts": ("not_compact", raw(lambda good: good + b".a")),
    "truncated": ("base64_not_canonical", raw(lambda good: good[:-1])),
    "trailing_newline": ("base64_not_canonical", raw(lambda good: good + b"\n")),
    "no_signature": ("base64_not_canonical", raw(lambda good: good.rsplit(b".", 1)[0] + b".")),
    "signature_zero": (
        "signature_invalid",
        raw(lambda good: good.rsplit(b".", 1)[0] + b"." + encode_base64url(bytes(64))),
    ),
    "alg_none": ("header_algorithm", header(alg="none")),
    "own_key": ("header_forbidden", header(jwk={"kty": "OKP"})),
    "no_kid": ("header_fields", header(kid=...)),
    "type_of_grant": ("header_type", as_grant),
    "kid_unknown": ("key_unknown", header(kid="nobody")),
    "key_of_lane": ("key_role", signed_by("lane")),
    "key_of_authority": ("key_role", signed_by("authority")),
    "key_of_drill": ("key_role", signed_by("drill")),
    "key_of_another_officer": ("issuer", signed_by("li")),
    "wrong_key": ("signature_invalid", by_stranger),
    "payload_of_another_answer": ("signature_invalid", swapped_payload),
    "duplicate_decision": ("duplicate_key", text(b'"decision":', b'"decision":"refuse","decision":')),
    "huge_integer": ("number", text(b'"cseq":7', b'"cseq":' + b"9" * 500)),
    "trailing_data": ("syntax", lambda world: world.sign_bytes(canonical_json(world.claims()) + b"{}")),
    "byte_order_mark": ("byte_order_mark", lambda world: world.sign_bytes(b"\xef\xbb\xbf{}")),
    "not_utf8": ("not_utf8", text(b'"boot1"', b'"boot\xff"')),
    "list": ("not_an_object", lambda world: world.sign_bytes(b"[]")),
    "nothing": ("version", lambda world: world.sign_bytes(b"{}")),
    "version_2": ("version", claims(v=2)),
    "version_true": ("version", claims(v=True)),
    "version_missing": ("version", without("v")),
    "claim_typ_grant": ("type", claims(typ=GRANT_TYPE)),
    "claim_typ_missing": ("type", without("typ")),
    "unknown_field": ("field_unknown", claims(force=True)),
    "issuer_other": ("issuer", claims(iss="li")),
}
for _name, _values in WRONG_VALUES.items():
    VECTORS[f"missing_{_name}"] = ("field_missing", without(_name))
    for _number, _value in enumerate(_values):
        VECTORS[f"{_name}_{_number}"] = ("field_value", claims(**{_name: _value}))
# Every claim but version and type, which have their own reasons, is mutated.
assert set(WRONG_VALUES) == Confirmation.__annotations__.keys() - {"officer", "key_id", "issued_at", "sequence"} | {
    "iss", "iat", "cseq",
}  # fmt: skip
