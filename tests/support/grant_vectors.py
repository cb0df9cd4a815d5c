"""Bytes on a grant topic that are no grant, by name, each with the reason it must be refused for."""

import hashlib
import hmac
from collections.abc import Callable
from typing import Any

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from edge.clearance.envelope import canonical_json, encode_base64url, seal
from edge.clearance.grant import GRANT_TYPE, MAX_TTL_MS
from tests.support.clearance import AUTHORITY, World
from tests.support.signed_vectors import claims, raw, text, without

Vector = Callable[[World], bytes]


def with_header(header: Any, *, raw_header: bytes | None = None) -> Vector:
    """Sign a good payload under another header, correctly: only the header is at fault."""

    def make(world: World) -> bytes:
        text = raw_header if raw_header is not None else canonical_json(header(world))
        signed = encode_base64url(text) + b"." + encode_base64url(canonical_json(world.claims()))
        return signed + b"." + encode_base64url(world.authority_key.sign(signed))

    return make


def header(**changes: Any) -> Vector:
    def make(world: World) -> dict[str, Any]:
        found = {"alg": "EdDSA", "typ": GRANT_TYPE, "kid": world.authority_key_id} | changes
        return {name: value for name, value in found.items() if value is not ...}

    return with_header(make)


def payload(raw: bytes) -> Vector:
    return lambda world: world.sign_bytes(raw)


def note(**changes: Any) -> Vector:
    return lambda world: world.sign(world.claims(note=world.claims()["note"] | changes))


def hs256(world: World) -> bytes:
    """Sign with the public key as if it were a shared secret: the classic confusion."""
    top = encode_base64url(canonical_json({"alg": "HS256", "typ": GRANT_TYPE, "kid": world.authority_key_id}))
    signed = top + b"." + encode_base64url(canonical_json(world.claims()))
    secret = world.authority_key.public_key().public_bytes_raw()
    return signed + b"." + encode_base64url(hmac.new(secret, signed, hashlib.sha256).digest())


def by_stranger(world: World) -> bytes:
    return seal(
        canonical_json(world.claims()), typ=GRANT_TYPE, key_id=world.authority_key_id, key=Ed25519PrivateKey.generate()
    )


def by_lane(world: World) -> bytes:
    return seal(canonical_json(world.claims()), typ=GRANT_TYPE, key_id=world.lane_key_id, key=world.lane_key)


def part(index: int, change: Callable[[bytes], bytes]) -> Vector:
    def edit(whole: bytes) -> bytes:
        parts = whole.split(b".")
        parts[index] = change(parts[index])
        return b".".join(parts)

    return raw(edit)


def flip_last_bits(encoded: bytes) -> bytes:
    """Change only bits that decode to nothing: 64 bytes leave four unused bits in the last character."""
    alphabet = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
    return encoded[:-1] + bytes([alphabet[alphabet.index(encoded[-1]) ^ 1]])


def swapped_payload(world: World) -> bytes:
    deny, release = world.sign(world.claims(verdict="deny")).split(b"."), world.sign(world.claims()).split(b".")
    return b".".join([deny[0], release[1], deny[2]])


JWK = {"kty": "OKP", "crv": "Ed25519", "x": "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"}
DEEP: Any = []
for _ in range(20):
    DEEP = [DEEP]

VECTORS: dict[str, tuple[str, Vector]] = {
    # size and shape
    "oversize_by_one": ("too_large", lambda _: b"a" * (16 * 1024 + 1)),
    "oversize_signed": ("too_large", claims(reason="a" * 16_000)),
    "empty": ("not_compact", lambda _: b""),
    "one_dot": ("not_compact", lambda _: b"a.b"),
    "three_dots": ("not_compact", raw(lambda good: good + b".a")),
    "only_dots": ("base64_not_canonical", lambda _: b".."),
    "json_serialisation": ("not_compact", lambda _: b'{"payload":"e30","signatures":[]}'),
    "general_text": ("not_compact", lambda _: b"open"),
    "truncated_half": ("not_compact", raw(lambda good: good[: good.index(b".") + 9])),
    "truncated_signature": ("signature_length", part(2, lambda _: encode_base64url(b"s" * 63))),
    "truncated_by_one": ("base64_not_canonical", raw(lambda good: good[:-1])),
    "signature_empty": ("base64_not_canonical", part(2, lambda _: b"")),
    "signature_longer": ("signature_length", part(2, lambda _: encode_base64url(bytes(65)))),
    "signature_zero": ("signature_invalid", part(2, lambda _: encode_base64url(bytes(64)))),
    "payload_empty": ("base64_not_canonical", part(1, lambda _: b"")),
    "leading_space": ("base64_not_canonical", raw(lambda good: b" " + good)),
    "trailing_newline": ("base64_not_canonical", raw(lambda good: good + b"\n")),
    "trailing_zero_byte": ("base64_not_canonical", raw(lambda good: good + b"\0")),
    "inner_newline": ("base64_not_canonical", part(1, lambda encoded: encoded[:8] + b"\r\n" + encoded[8:])),
    "padding": ("base64_not_canonical", part(2, lambda encoded: encoded + b"==")),
    "unused_bits": ("base64_not_canonical", part(2, flip_last_bits)),
    "standard_alphabet": ("base64_not_canonical", part(2, lambda encoded: b"+/" + encoded[2:])),
    "unicode_in_base64": ("base64_not_canonical", part(0, lambda encoded: "ｅ".encode() + encoded[1:])),
    # header
    "alg_none": ("header_algorithm", header(alg="none")),
    "alg_none_no_signature": ("base64_not_canonical", lambda w: header(alg="none")(w).rsplit(b".", 1)[0] + b"."),
    "alg_none_capital": ("header_algorithm", header(alg="None")),
    "alg_hs256_with_public_key": ("header_algorithm", hs256),
    "alg_es256": ("header_algorithm", header(alg="ES256")),
    "alg_ed25519_name": ("header_algorithm", header(alg="Ed25519")),
    "alg_lower_case": ("header_algorithm", header(alg="eddsa")),
    "alg_list": ("header_algorithm", header(alg=["EdDSA"])),
    "alg_null": ("header_algorithm", header(alg=None)),
    "alg_missing": ("header_fields", header(alg=...)),
    "typ_jwt": ("header_type", header(typ="JWT")),
    "typ_of_request": ("header_type", header(typ="gate-request+jws")),
    "typ_of_keyset": ("header_type", header(typ="gate-keyset+jws")),
    "typ_other_case": ("header_type", header(typ=GRANT_TYPE.upper())),
    "typ_missing": ("header_fields", header(typ=...)),
    "kid_missing": ("header_fields", header(kid=...)),
    "kid_number": ("header_key_id", header(kid=1)),
    "kid_empty": ("header_key_id", header(kid="")),
    "kid_path": ("header_key_id", header(kid="../../etc/passwd")),
    "kid_wildcard": ("header_key_id", header(kid="*")),
    "kid_long": ("header_key_id", header(kid="a" * 65)),
    "kid_newline": ("header_key_id", header(kid="abc\n")),
    "jwk": ("header_forbidden", header(jwk=JWK)),
    "jku": ("header_forbidden", header(jku="https://attacker.example/keys")),
    "x5c": ("header_forbidden", header(x5c=["MIIB"])),
    "x5u": ("header_forbidden", header(x5u="https://attacker.example/c")),
    "x5t": ("header_forbidden", header(x5t="abc")),
    "crit": ("header_forbidden", header(crit=["exp"])),
    "b64_false": ("header_forbidden", header(b64=False)),
    "zip": ("header_forbidden", header(zip="DEF")),
    "cty": ("header_fields", header(cty="json")),
    "header_unknown_field": ("header_fields", header(foo=1)),
    "header_duplicate_alg": (
        "header_json",
        with_header(None, raw_header=b'{"alg":"none","alg":"EdDSA","kid":"k","typ":"gate-grant+jws"}'),
    ),
    "header_list": ("header_json", with_header(None, raw_header=b"[]")),
    "header_not_json": ("header_json", with_header(None, raw_header=b"EdDSA")),
    "header_with_mark": ("header_json", with_header(None, raw_header=b"\xef\xbb\xbf{}")),
    # key and signature
    "kid_unknown": ("key_unknown", header(kid="nobody")),
    "lane_key_as_authority": ("key_role", by_lane),
    "wrong_key": ("signature_invalid", by_stranger),
    "payload_of_another_grant": ("signature_invalid", swapped_payload),
    "payload_edited": ("signature_invalid", part(1, lambda encoded: b"ey" + encoded[2:-4] + b"AAAA")),
    # JSON that two parsers could read differently
    "duplicate_verdict": ("duplicate_key", text(b'"verdict":', b'"verdict":"deny","verdict":')),
    "duplicate_escaped": ("duplicate_key", text(b'"verdict":', b'"verdic\\u0074":"deny","verdict":')),
    "duplicate_in_note": ("duplicate_key", text(b'"number":', b'"number":"X","number":')),
    "nan": ("number", text(b'"ttl_ms":30000', b'"ttl_ms":NaN')),
    "infinity": ("number", text(b'"ttl_ms":30000', b'"ttl_ms":Infinity')),
    "huge_integer": ("number", text(b'"gseq":7', b'"gseq":' + b"9" * 5000)),
    "beyond_exact_integer": ("number", text(b'"gseq":7', b'"gseq":9007199254740992')),
    "huge_exponent": ("number", text(b'"gseq":7', b'"gseq":1e999')),
    "byte_order_mark": ("byte_order_mark", lambda w: w.sign_bytes(b"\xef\xbb\xbf" + canonical_json(w.claims()))),
    "trailing_data": ("syntax", lambda w: w.sign_bytes(canonical_json(w.claims()) + b"{}")),
    "trailing_zero": ("syntax", lambda w: w.sign_bytes(canonical_json(w.claims()) + b"\0")),
    "trailing_comma": ("syntax", text(b'"v":1', b'"v":1,')),
    "comment": ("syntax", text(b'"v":1', b'"v":1/*x*/')),
    "single_quotes": ("syntax", payload(b"{'v':1}")),
    "not_utf8": ("not_utf8", text(b'"boot1"', b'"boot\xff"')),
    "lone_surrogate": ("text", text(b'"HFD', b'"\\ud800')),
    "nul_in_text": ("text", text(b'"HFD', b'"\\u0000')),
    "deep": ("too_deep", lambda w: w.sign(w.claims(note=DEEP))),
    "bomb": ("too_deep", payload(b"[" * 11_000)),
    "payload_list": ("not_an_object", payload(b"[]")),
    "payload_string": ("not_an_object", payload(b'"release"')),
    "payload_null": ("not_an_object", payload(b"null")),
    # version, type, claims
    "empty_object": ("version", payload(b"{}")),
    "version_2": ("version", claims(v=2)),
    "version_0": ("version", claims(v=0)),
    "version_text": ("version", claims(v="1")),
    "version_true": ("version", claims(v=True)),
    "version_float": ("version", claims(v=1.0)),
    "version_missing": ("version", without("v")),
    "claim_typ_other": ("type", claims(typ="gate-request+jws")),
    "claim_typ_missing": ("type", without("typ")),
    "unknown_field": ("field_unknown", claims(open=True)),
    "unknown_exp": ("field_unknown", claims(exp=4102444800)),
    "confusable_field": ("field_unknown", claims(verdiсt="release")),
    "prototype_field": ("field_unknown", claims(__proto__={})),
    "issuer_other": ("issuer", claims(iss="port")),
    "issuer_list": ("field_value", claims(iss=[AUTHORITY])),
    "verdict_open": ("field_value", claims(verdict="open")),
    "verdict_upper": ("field_value", claims(verdict="RELEASE")),
    "verdict_spaced": ("field_value", claims(verdict="release ")),
    "verdict_list": ("field_value", claims(verdict=["release"])),
    "verdict_true": ("field_value", claims(verdict=True)),
    "refer_without_target": ("target", claims(verdict="refer")),
    "release_with_target": ("target", claims(target="nii")),
    "target_unknown": ("field_value", claims(verdict="refer", target="beach")),
    "ttl_zero": ("field_value", claims(ttl_ms=0)),
    "ttl_negative": ("field_value", claims(ttl_ms=-1)),
    "ttl_too_long": ("field_value", claims(ttl_ms=MAX_TTL_MS + 1)),
    "ttl_text": ("field_value", claims(ttl_ms="30000")),
    "ttl_float": ("field_value", claims(ttl_ms=30000.0)),
    "ttl_true": ("field_value", claims(ttl_ms=True)),
    "sequence_zero": ("field_value", claims(gseq=0)),
    "sequence_negative": ("field_value", claims(gseq=-7)),
    "sequence_text": ("field_value", claims(gseq="7")),
    "hash_short": ("field_value", claims(req_hash="0" * 63)),
    "hash_upper": ("field_value", claims(req_hash="A" * 64)),
    "hash_null": ("field_value", claims(req_hash=None)),
    "nonce_empty": ("field_value", claims(nonce="")),
    "nonce_newline": ("field_value", claims(nonce="nonce1\n")),
    "nonce_null": ("field_value", claims(nonce=None)),
    "lane_wildcard": ("field_value", claims(lane="+")),
    "lane_hash": ("field_value", claims(lane="#")),
    "lane_slash": ("field_value", claims(lane="lane1/x")),
    "site_empty": ("field_value", claims(site="")),
    "boot_number": ("field_value", claims(boot=1)),
    "passage_long": ("field_value", claims(passage="p" * 65)),
    "passage_full_width": ("field_value", claims(passage="ｐ1")),
    "issued_at_number": ("field_value", claims(iat=1772352000)),
    "issued_at_local": ("field_value", claims(iat="2026-03-01T08:00:00+08:00")),
    "issued_at_impossible": ("field_value", claims(iat="2026-02-30T08:00:00Z")),
    "issued_at_other_digits": ("field_value", claims(iat="٢٠٢٦-03-01T08:00:00Z")),
    "reason_sentence": ("field_value", claims(reason="Please open")),
    "reason_markup": ("field_value", claims(reason="<script>")),
    "reason_null": ("field_value", claims(reason=None)),
    "note_text": ("field_value", claims(note="HFD2026030001")),
    "note_list": ("field_value", claims(note=[])),
    "note_unknown_field": ("field_value", note(extra=1)),
    "note_number_empty": ("field_value", note(number="")),
    "note_plates_null": ("field_value", note(plates=None)),
    "note_plate_text": ("field_value", note(plates=["沪A12345"])),
    "note_plate_place": ("field_value", note(plates=[{"place": "roof", "text": "沪A12345", "colour": None}])),
    "note_plate_colour": ("field_value", note(plates=[{"place": "front", "text": "沪A12345", "colour": "red"}])),
    "note_plate_missing_colour": ("field_value", note(plates=[{"place": "front", "text": "沪A12345"}])),
    "note_five_containers": ("field_value", note(containers=["CSQU3054383"] * 5)),
    "note_container_number": ("field_value", note(containers=[3054383])),
    "note_tag_control": ("field_value", note(tag="E28\x1b[2J")),
    "note_class_null": ("field_value", note(credit_class=None)),
    "note_class_text": ("field_value", note(credit_class="A 级")),
    "note_class_score": ("field_value", note(credit_class=3)),
    "note_appointment_null": ("field_value", note(appointment=None)),
}  # fmt: skip
for _name in ("iss", "site", "lane", "boot", "passage", "nonce", "req_hash", "verdict", "target", "ttl_ms", "iat"):
    VECTORS[f"missing_{_name}"] = ("field_missing", without(_name))
for _name in ("gseq", "reason", "note"):
    VECTORS[f"missing_{_name}"] = ("field_missing", without(_name))
