"""How a good grant is spoilt. Each mutation draws from the world's seed and returns an attempt that must not count."""

import base64
import json
import random
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from typing import Any

from edge.clearance.envelope import canonical_json, encode_base64url
from edge.clearance.grant import GRANT_TYPE, MAX_TTL_MS, grant_claims
from edge.core.state import Phase
from tests.campaigns.grant_world import DEADLINE_MS, OLD_SEQUENCE, SENT_AT_MS, Attempt, Good, GrantWorld

Mutation = Callable[[GrantWorld, Good], Attempt]

_ALPHABET = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
# The order of Ed25519's group (RFC 8032): S and S + L are the same number to a verifier that does not look.
_ORDER = 2**252 + 27742317777372353535851937790883648493
_BOUND = ("site", "lane", "boot", "passage", "nonce", "req_hash")


def _sent(world: GrantWorld, good: Good, raw: bytes, **how: Any) -> Attempt:
    return replace(world.unaltered(good), raw=raw, **how)


def _flipped(draw: random.Random, raw: bytes) -> bytes:
    bits = bytearray(raw)
    for _ in range(draw.choice((1, 1, 1, 2, 3, 8))):
        place = draw.randrange(len(bits) * 8)
        bits[place >> 3] ^= 1 << (place & 7)
    return bytes(bits)


def _span(draw: random.Random, raw: bytes) -> tuple[int, int]:
    begin = draw.randrange(len(raw))
    return begin, min(len(raw), begin + draw.choice((1, 1, 2, 4, 16, 64)))


def flip_bits(world: GrantWorld, good: Good) -> Attempt:
    return _sent(world, good, _flipped(world.draw, good.raw))


def edit_bytes(world: GrantWorld, good: Good) -> Attempt:
    edited = bytearray(good.raw)
    for _ in range(world.draw.randint(1, 4)):
        edited[world.draw.randrange(len(edited))] = world.draw.choice(_ALPHABET)
    return _sent(world, good, bytes(edited))


def cut_out(world: GrantWorld, good: Good) -> Attempt:
    begin, end = _span(world.draw, good.raw)
    return _sent(world, good, good.raw[:begin] + good.raw[end:])


def say_twice(world: GrantWorld, good: Good) -> Attempt:
    begin, end = _span(world.draw, good.raw)
    times = 1 if world.draw.random() < 0.99 else 16 * 1024 // (end - begin)
    return _sent(world, good, good.raw[:begin] + good.raw[begin:end] * times + good.raw[begin:])


def truncate(world: GrantWorld, good: Good) -> Attempt:
    cut = world.draw.randrange(len(good.raw))
    return _sent(world, good, good.raw[:cut] if world.draw.random() < 0.8 else good.raw[cut + 1 :])


def flip_inside(world: GrantWorld, good: Good) -> Attempt:
    """Flip bits of what a segment says, in good base64: nothing but the signature can tell."""
    parts = good.raw.split(b".")
    index = world.draw.randrange(3)
    inner = base64.urlsafe_b64decode(parts[index] + b"==")
    parts[index] = encode_base64url(_flipped(world.draw, inner))
    return _sent(world, good, b".".join(parts))


def swap_segments(world: GrantWorld, good: Good) -> Attempt:
    """Put segments of other good grants in the place of one's own, or in another order."""
    parts = good.raw.split(b".")
    if world.draw.random() < 0.2:
        world.draw.shuffle(parts)
    else:
        index = world.draw.randrange(3)
        parts[index] = world.draw.choice(world.good).raw.split(b".")[index]
    return _sent(world, good, b".".join(parts))


def spell_otherwise(world: GrantWorld, good: Good) -> Attempt:
    """Spell the same bytes in base64 of another kind: an envelope has one spelling."""
    draw, parts = world.draw, good.raw.split(b".")
    index = draw.randrange(3)
    part = parts[index]
    place = draw.randrange(len(part) + 1)
    ways = [
        part + b"=" * draw.randint(1, 3),
        part[:place] + draw.choice((b"\n", b"\r\n", b" ", b"\t", b"\0", b"=", b"%3D")) + part[place:],
        base64.b64encode(base64.urlsafe_b64decode(part + b"==")),
    ]
    if len(part) % 4:
        # The last character has bits that stand for nothing.
        unused = draw.randint(1, 3 if len(part) % 4 == 3 else 15)
        ways.append(part[:-1] + bytes([_ALPHABET[_ALPHABET.index(part[-1]) ^ unused]]))
    parts[index] = draw.choice(ways)
    return _sent(world, good, b".".join(parts))


def bend_signature(world: GrantWorld, good: Good) -> Attempt:
    """Another signature over the same bytes: S + L, other halves, zeros, points of small order."""
    head, encoded = good.raw.rsplit(b".", 1)
    signature = base64.urlsafe_b64decode(encoded + b"==")
    point, scalar = signature[:32], int.from_bytes(signature[32:], "little")
    lifted = scalar + _ORDER * world.draw.randint(1, 14)
    bent = world.draw.choice(
        (
            point + lifted.to_bytes(32, "little"),
            point + (_ORDER - scalar).to_bytes(32, "little"),
            bytes([*point[:31], point[31] ^ 0x80]) + signature[32:],
            b"\x01" + bytes(31) + signature[32:],
            b"\x01" + bytes(63),
            point + bytes(32),
            signature[32:] + point,
            signature[: world.draw.randrange(64)],
            signature + world.draw.randbytes(world.draw.randint(1, 64)),
            world.draw.randbytes(64),
        )
    )
    return _sent(world, good, head + b"." + encode_base64url(bent))


def wrong_key(world: GrantWorld, good: Good) -> Attempt:
    """Signed well, by a key that may not: under its own id, or under the right one."""
    kind = world.draw.choice([*world.wrong, "other_authority"])
    other = next(one for authority, one in world.right.items() if authority != good.grant.authority)
    signer = world.wrong.get(kind, other)
    if world.draw.random() < 0.5:
        signer = replace(signer, key_id=good.grant.key_id)
    claims = grant_claims(good.grant) | world.draw.choice(({}, {"verdict": "release"}, {"gseq": 10**12}))
    return _sent(world, good, world.sign(canonical_json(claims), signer), drill=kind == "drill" and _often(world))


def _often(world: GrantWorld) -> bool:
    return world.draw.random() < 0.5


def bend_header(world: GrantWorld, good: Good) -> Attempt:
    """Another header, signed by the right key: only the header is at fault."""
    draw, signer = world.draw, world.right[good.grant.authority]
    header: dict[str, Any] = {"alg": "EdDSA", "kid": signer.key_id, "typ": GRANT_TYPE}
    text = json.dumps(header)
    name = draw.choice(list(header))
    added = draw.choice(("jwk", "jku", "x5u", "x5c", "x5t", "x5t#S256", "crit", "b64", "zip", "cty", "iss", "ALG", ""))
    bent = draw.choice(
        (
            json.dumps({key: value for key, value in header.items() if key != name}),
            json.dumps(header | {added: draw.choice((None, True, [], {}, signer.key_id, "https://example.com/k"))}),
            json.dumps(header | {name: draw.choice((None, 1, [header[name]], "", "none", "HS256", "ES256", "EdDSa"))}),
            json.dumps(header | {name: _near(world, header[name])}),
            text.replace('"alg"', f'"{name}": "none", "alg"'),
            "\ufeff" + text,
            text + draw.choice(("{}", "\0", ",", " x")),
            f"[{text}]",
        )
    )
    signed = encode_base64url(bent.encode()) + b"." + good.raw.split(b".")[1]
    return _sent(world, good, signed + b"." + encode_base64url(signer.key.sign(signed)))


def bend_text(world: GrantWorld, good: Good) -> Attempt:
    """JSON that two readers could understand differently, signed by the right key."""
    draw, claims = world.draw, grant_claims(good.grant)
    text = canonical_json(claims).decode()
    name = draw.choice(list(claims))
    number = draw.choice(("v", "ttl_ms", "gseq"))
    said = f'"{number}":{claims[number]}'
    member = f'"{name}":'
    value = json.dumps(draw.choice(("deny", None, 1, claims[name])), ensure_ascii=False)
    bent = draw.choice(
        (
            text.replace(member, f"{member}{value},{member}", 1),
            text.replace(member, f'"\\u{ord(name[0]):04x}{name[1:]}":{value},{member}', 1),
            text[:-1] + f",{member}{value}}}",
            text.replace(said, f'"{number}":{draw.choice(("NaN", "Infinity", "-Infinity", "1e999", "9" * 400))}'),
            text.replace(said, f"{said}{draw.choice(('.0', 'e0', '.5', 'n', '_0', ';'))}"),
            text.replace(said, f'"{number}":{draw.choice(("+1", "01", "0x1", "true", "-1", "١"))}'),
            draw.choice(("\ufeff", "\0", ")]}',", "x")) + text,
            text + draw.choice(("{}", "\0", ",", "]", "//", text)),
            text.replace('"iss":', '"iss":' + "[" * draw.randint(1, 400), 1),
            text.replace(claims["nonce"], claims["nonce"] + draw.choice(("\\ud800", "\\u0000"))),
            text.replace('"', "'"),
            f"[{text}]",
        )
    )  # fmt: skip
    raw = bent.encode()
    if draw.random() < 0.1:
        place = raw.index(b"nonce")
        raw = raw[:place] + draw.choice((b"\xff", b"\xc0\xaf", b"\xed\xa0\x80", b"\x80")) + raw[place:]
    return _sent(world, good, world.sign(raw, world.right[good.grant.authority]))


def _near(world: GrantWorld, value: str) -> str:
    """Return a text that looks much like `value` and is another."""
    draw = world.draw
    place = draw.randrange(len(value))
    while True:
        near = draw.choice(
            (
                value[:place] + draw.choice("0123456789abcdefXYZ_-/+# \n\0ａ") + value[place + 1 :],
                value[:place] + value[place + 1 :],
                value[:place] + value[place] + value[place:],
                value.swapcase(),
                value[::-1],
                value + draw.choice(("\n", " ", "\0", "=", "/x", "0")),
                draw.choice(("", "+", "#", "*", "null", "../" + value)),
                world.identifier(),
            )
        )
        if near != value:
            return near


def not_ours(world: GrantWorld, good: Good) -> Attempt:
    """A claim that binds it is another: for another lane, boot, passage, nonce or request; signed by the right key."""
    claims = grant_claims(good.grant)
    for name in world.draw.sample(_BOUND, world.draw.choice((1, 1, 1, 2))):
        another_hash = f"{world.draw.getrandbits(256):064x}"
        claims[name] = another_hash if name == "req_hash" and _often(world) else _near(world, claims[name])
    return _sent(world, good, world.sign(canonical_json(claims), world.right[good.grant.authority]))


def bend_claims(world: GrantWorld, good: Good) -> Attempt:
    """A claim is nonsense, missing, unknown or used up; signed by the right key."""
    draw, claims = world.draw, grant_claims(good.grant)
    name = draw.choice(list(claims))
    bent: dict[str, Any] = draw.choice(
        (
            {key: value for key, value in claims.items() if key != name},
            claims | {draw.choice(("open", "exp", "Verdict", "nonce ", "")): 1},
            claims | {name: draw.choice(([claims[name]], {}, True, 1.5, -1, "\0"))},
            claims | {"gseq": draw.choice((OLD_SEQUENCE, OLD_SEQUENCE - 1, 1, 0, -1, draw.randint(1, OLD_SEQUENCE)))},
            claims | {"ttl_ms": draw.choice((0, -1, MAX_TTL_MS + draw.randint(1, 10**6)))},
            claims | {"v": draw.choice((0, 2, "1", 1.0, True)), "typ": GRANT_TYPE},
            claims | {"iss": next(one for one in world.right if one != good.grant.authority)},
            claims | draw.choice(({"verdict": "refer"}, {"target": "nii"}, {"verdict": _near(world, "release")})),
            claims | {"iat": draw.choice(("2026-02-30T08:00:00Z", "2026-03-01T08:00:00+08:00", "now", 0))},
        )
    )
    return _sent(world, good, world.sign(canonical_json(bent), world.right[good.grant.authority]))


def not_now(world: GrantWorld, good: Good) -> Attempt:
    """The very bytes of a good grant, at a time or place where they do not count."""
    draw, state = world.draw, world.state
    passage = state.passage
    assert passage is not None
    other = next(one for one in world.right if one != good.grant.authority)
    answered = tuple(replace(one, answer=good.grant) for one in passage.requests)
    asked_others = tuple(one for one in passage.requests if one.authority == other)
    used_up = (good.grant.authority, good.grant.sequence + draw.choice((0, 1, 10**6)))
    unsent = tuple(replace(one, request_hash=None, sent_at_ms=None) for one in passage.requests)
    late_ms = SENT_AT_MS + min(DEADLINE_MS, good.grant.ttl_ms) + draw.choice((1, 2, draw.randint(1, 10**9)))
    how: dict[str, Any] = draw.choice(
        (
            {"retained": True},
            {"authority": other},
            {"drill": True},
            {"at_ms": late_ms},
            {"now_utc": world.keyset.expires + timedelta(seconds=draw.randrange(10**7))},
            {"now_utc": world.keyset.keys[good.grant.key_id].not_after + timedelta(seconds=draw.randrange(10**5))},
            {"now_utc": world.keyset.issued - timedelta(seconds=draw.randint(1, 10**7))},
            {"state": replace(state, passage=None, phase=Phase.IDLE)},
            {"state": replace(state, boot=world.identifier())},
            {"state": replace(state, passage=replace(passage, id=world.identifier()))},
            {"state": replace(state, passage=replace(passage, requests=answered))},
            {"state": replace(state, passage=replace(passage, requests=asked_others))},
            {"state": replace(state, passage=replace(passage, requests=unsent))},
            {"state": replace(state, passage=replace(passage, mode="DRILL"))},
            {"state": replace(state, phase=Phase.CONSUMING)},
            {"state": replace(state, phase=draw.choice([one for one in Phase if one not in _LISTENING]))},
            {"state": replace(state, sequences=(used_up,))},
        )
    )  # fmt: skip
    return _sent(world, good, good.raw, **how)


_LISTENING = (Phase.WAITING, Phase.CONSUMING)

# How often each is drawn. Only `not_now` leaves the bytes as they were.
MUTATIONS: dict[Mutation, int] = {
    flip_bits: 14,
    edit_bytes: 10,
    cut_out: 6,
    say_twice: 6,
    truncate: 6,
    flip_inside: 20,
    swap_segments: 8,
    spell_otherwise: 6,
    bend_signature: 6,
    wrong_key: 4,
    bend_header: 3,
    bend_text: 3,
    not_ours: 4,
    bend_claims: 2,
    not_now: 2,
}
