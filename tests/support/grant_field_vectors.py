"""More bytes that are no grant: each field with what it may not hold, signed by the right key."""

from typing import Any

from tests.support.grant_vectors import Vector, claims, header, note, text, with_header

Vectors = dict[str, tuple[str, Vector]]

_NO_IDENTIFIERS: dict[str, Any] = {
    "empty": "", "space": "a b", "newline": "a\n", "slash": "a/b", "plus": "+", "hash": "#", "dollar": "$SYS",
        "dot": "a.b",
    "wide": "ａ", "cyrillic": "lаne1", "long": "a" * 65, "number": 1, "null": None, "list": ["a"], "true": True,
        "object": {},
}  # fmt: skip
_WRONG: dict[str, dict[str, Any]] = {
    "req_hash": {
        "empty": "", "long": "0" * 65, "prefix": "0x" + "0" * 62, "newline": "0" * 64 + "\n", "wide": "０" * 64,
        "number": 0, "list": ["0" * 64], "letters": "g" * 64, "spaced": " " + "0" * 63,
    },
    "verdict": {
        "empty": "", "null": None, "number": 1, "wide": "ｒelease", "cyrillic": "rеlease", "allow": "allow",
        "newline": "release\n", "object": {"release": True}, "two": "release,deny", "offline": "offline",
    },
    "ttl_ms": {"null": None, "list": [30_000], "huge": 2**53 - 1, "empty": "", "false": False},
    "gseq": {"null": None, "list": [7], "float": 7.0, "true": True, "empty": "", "object": {}},
    "iat": {
        "null": None, "list": [], "empty": "", "date": "2026-03-01", "small_z": "2026-03-01T08:00:00z",
        "small_t": "2026-03-01t08:00:00Z", "space": "2026-03-01 08:00:00Z", "leap_second": "2016-12-31T23:59:60Z",
        "hour_24": "2026-03-01T24:00:00Z", "seven_digits": "2026-03-01T08:00:00.1234567Z",
        "year_0": "0000-03-01T08:00:00Z",
        "newline": "2026-03-01T08:00:00Z\n", "no_zone": "2026-03-01T08:00:00", "month_13": "2026-13-01T08:00:00Z",
    },
    "reason": {
        "number": 1, "upper": "LATE", "dash": "too-late", "space": "too late", "long": "a" * 65, "newline": "late\n",
        "wide": "ｌate", "list": ["late"], "dot": "a.b",
    },
    "target": {"number": 1, "empty": "", "list": ["nii"], "upper": "NII", "true": True, "two": "nii,bay"},
    "note": {"number": 1, "true": True, "empty_text": "", "empty_object": {}, "two": [{}, {}]},
}  # fmt: skip
_WRONG_NOTES: dict[str, dict[str, Any]] = {
    "number": {"null": None, "number": 1, "long": "a" * 65, "control": "a\x07", "list": ["a"]},
    "plates": {
        "text": "沪A12345", "five": [{"place": "front", "text": "沪A12345", "colour": None}] * 5,
        "empty_object": [{}],
        "place_null": [{"place": None, "text": "沪A12345", "colour": None}],
        "text_empty": [{"place": "front", "text": "", "colour": None}],
        "text_long": [{"place": "front", "text": "沪" * 17, "colour": None}],
        "text_control": [{"place": "front", "text": "沪A\x1b[2J", "colour": None}],
        "text_override": [{"place": "front", "text": "沪A\u202e54321", "colour": None}],
        "extra": [{"place": "front", "text": "沪A12345", "colour": None, "open": True}],
        "colour_number": [{"place": "front", "text": "沪A12345", "colour": 1}],
    },
    "containers": {"null": None, "text": "CSQU3054383", "empty": [""], "null_inside": [None], "long": ["C" * 17]},
    "tag": {"empty": "", "number": 1, "list": ["E28"], "long": "E" * 129, "newline": "E28\n"},
    "appointment": {"null": None, "empty": "", "number": 1, "long": "a" * 65},
}  # fmt: skip
_WRONG_HEADERS: dict[str, tuple[str, dict[str, Any]]] = {
    "alg": ("header_algorithm", {
        "upper": "EDDSA", "spaced": " EdDSA", "newline": "EdDSA\n", "empty": "", "rs256": "RS256", "ps256": "PS256",
        "hs512": "HS512", "es384": "ES384", "ed448": "Ed448", "number": 1, "true": True, "object": {},
        "two": "none,EdDSA",
    }),
    "typ": ("header_type", {"null": None, "list": [], "empty": "", "jws": "JWS", "spaced": "gate-grant+jws ",
        "number": 1}),
    "kid": ("header_key_id", {"null": None, "list": [], "true": True, "dot": "a.b", "wide": "ａ", "object": {},
        "url": "http://a"}),
}  # fmt: skip
_WRONG_HEADER_TEXTS = {
    "empty_object": ("header_fields", b"{}"),
    "number": ("header_json", b"1"),
    "null": ("header_json", b"null"),
    "not_utf8": ("header_json", b'{"alg":"\xff"}'),
    "trailing": ("header_json", b'{"alg":"EdDSA"}{}'),
    "nan": ("header_json", b'{"alg":NaN}'),
    "surrogate": ("header_json", b'{"kid":"\\ud800"}'),
    "deep": ("header_json", b'{"alg":' + b"[" * 3000),
    "escaped_duplicate": ("header_json", b'{"alg":"none","\\u0061lg":"EdDSA"}'),
    "escaped_jwk": ("header_forbidden", b'{"\\u006awk":{},"alg":"EdDSA"}'),
}
_WRONG_TEXTS = {
    "version_negative": ("version", b'"v":1', b'"v":-1'),
    "version_ten": ("version", b'"v":1', b'"v":10'),
    "version_exponent": ("version", b'"v":1', b'"v":1e0'),
    "version_null": ("version", b'"v":1', b'"v":null'),
    "version_list": ("version", b'"v":1', b'"v":[1]'),
    "claim_typ_null": ("type", b'"typ":"gate-grant+jws"', b'"typ":null'),
    "claim_typ_upper": ("type", b'"typ":"gate-grant+jws"', b'"typ":"GATE-GRANT+JWS"'),
    "leading_zero": ("syntax", b'"gseq":7', b'"gseq":07'),
    "plus_sign": ("syntax", b'"gseq":7', b'"gseq":+7'),
    "hexadecimal": ("syntax", b'"gseq":7', b'"gseq":0x7'),
    "minus_infinity": ("number", b'"gseq":7', b'"gseq":-Infinity'),
    "minus_beyond_exact": ("number", b'"gseq":7', b'"gseq":-9007199254740992'),
    "long_fraction": ("number", b'"gseq":7', b'"gseq":7.' + b"0" * 40),
    "undefined": ("syntax", b'"target":null', b'"target":undefined'),
    "bare_word": ("syntax", b'"target":null', b'"target":release'),
    "line_break_in_text": ("syntax", b'"boot1"', b'"boot1\n"'),
    "overlong_utf8": ("not_utf8", b'"boot1"', b'"boot\xc0\xaf"'),
    "surrogate_utf8": ("not_utf8", b'"boot1"', b'"boot\xed\xa0\x80"'),
    "duplicate_lane": ("duplicate_key", b'"lane":', b'"lane":"lane2","lane":'),
    "duplicate_nonce": ("duplicate_key", b'"nonce":', b'"nonce":"nonce1","nonce":'),
    "duplicate_place": ("duplicate_key", b'"place":', b'"place":"rear","place":'),
}


def _vectors() -> Vectors:
    found: Vectors = {}
    for name in ("iss", "site", "lane", "boot", "passage", "nonce"):
        found |= {f"{name}_{kind}": ("field_value", claims(**{name: value})) for kind, value in _NO_IDENTIFIERS.items()}
    for name, values in _WRONG.items():
        found |= {f"{name}_{kind}": ("field_value", claims(**{name: value})) for kind, value in values.items()}
    for name, values in _WRONG_NOTES.items():
        found |= {f"note_{name}_{kind}": ("field_value", note(**{name: value})) for kind, value in values.items()}
    for name, (reason, values) in _WRONG_HEADERS.items():
        found |= {f"header_{name}_{kind}": (reason, header(**{name: value})) for kind, value in values.items()}
    for verdict in ("hold", "deny", "not_applicable"):
        found[f"{verdict}_with_target"] = ("target", claims(verdict=verdict, target="bay"))
    for kind, (reason, raw) in _WRONG_HEADER_TEXTS.items():
        found[f"header_text_{kind}"] = (reason, with_header(None, raw_header=raw))
    return found | {kind: (reason, text(old, new)) for kind, (reason, old, new) in _WRONG_TEXTS.items()}


FIELD_VECTORS = _vectors()
