"""What an authority's topic may carry beside its answer: copies, replays, forgeries, and bytes that are nothing."""

from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, Any

from edge.clearance.envelope import canonical_json, seal
from edge.clearance.grant import GRANT_TYPE, grant_claims
from edge.core.grant import Grant
from simulators.prove.joins import AUTHORITIES

if TYPE_CHECKING:
    from simulators.prove.authorities import Authorities

# Claims that make a grant another's: each has to be refused, whatever its signature.
_ALIEN: tuple[dict[str, Any], ...] = (
    {"nonce": "0" * 32}, {"request_hash": "0" * 64}, {"boot": "0" * 16}, {"sequence": 1}, {"authority": "port-2"},
)  # fmt: skip
_GARBAGE = (b"", b"{}", b"a.b.c", b"\xff" * 40, b"e30.e30." + b"A" * 86, b"." * 99)


def around(desk: "Authorities", authority: str, grant: Grant) -> None:
    """Send what this seed drew, before, with or after the answer that is about to leave."""
    world, release = desk.world, replace(grant, verdict="release", target=None, note=_note(desk))
    swarm = world.swarm
    for fault, change in (
        ("wrong_lane", {"lane": "lane-2"}),
        ("other_passage", {"passage": "f" * 32}),
        ("wrong_claim", swarm.draw.choice(_ALIEN) if "wrong_claim" in swarm.active else {}),
    ):
        other = replace(release, **change)
        # The first grant of an issuer has the number that is wrong for all others.
        if swarm.strikes(fault, 0.3) and other != release:
            desk.answered.add(grant.nonce)
            if fault == "wrong_lane":
                desk.other_lanes.add(grant.nonce)
            alien = desk.seal(authority, other)
            # As often before the answer as behind it: what comes behind is refused for that alone.
            if swarm.draw.random() < 0.5:
                desk.send(authority, alien)
            else:
                _soon(desk, authority, alien)
    if world.keysets.rolled_back and world.keysets.ended:
        # Why somebody brings an old keyset back.
        desk.answered.add(grant.nonce)
        desk.send(authority, desk.seal(authority, release, swarm.draw.choice(world.keysets.ended)))
    ended = ("revoked", "other-site", *world.keysets.ended)
    if swarm.strikes("forged", 0.1):
        _soon(desk, authority, _forged(desk, authority, release))
    for fault, signer in (("forged", "stranger"), ("revoked_key", swarm.draw.choice(ended))):
        if swarm.strikes(fault, 0.3):
            desk.answered.add(grant.nonce)
            _soon(desk, authority, desk.seal(authority, release, signer))
    if swarm.strikes("retained", 0.3):
        desk.send(authority, desk.seal(authority, replace(release, sequence=10**6)), retained=True)
    if swarm.strikes("reordered", 0.3):
        denial = replace(grant, verdict="deny", target=None, note=None, sequence=desk.next_sequence(authority))
        wait_ms = swarm.draw.choice((0.0, 0.2, 1.0, 30.0))
        world.time.after(wait_ms, partial(_deny, desk, authority, denial))
    if swarm.strikes("replay", 0.3) and desk.sent:
        _soon(desk, *swarm.draw.choice(desk.sent), swarm.draw.uniform(0, 6_000))
    if swarm.strikes("malformed", 0.3):
        _soon(desk, authority, swarm.draw.choice(_GARBAGE))
    if swarm.strikes("bad_json", 0.3):
        _soon(desk, authority, _bad_json(desk, authority, release))
    if swarm.strikes("oversize", 0.2):
        _soon(desk, authority, b"x" * swarm.draw.choice((16_385, 100_000)))
    if swarm.strikes("storm", 0.2):
        for _ in range(60):
            _soon(desk, authority, b"storm", swarm.draw.uniform(0, 400))


def _deny(desk: "Authorities", authority: str, denial: Grant) -> None:
    """A denial that reaches a lane which listens wins until OPEN is written."""
    payload = desk.seal(authority, denial)
    if desk.send(authority, payload) and desk.world.keysets.delivered(payload):
        desk.denied.setdefault(denial.nonce, desk.world.time.now_ms)


def _note(desk: "Authorities") -> Any:
    one = desk.world.traffic.now
    return None if one is None else one.note


def _soon(desk: "Authorities", authority: str, payload: bytes, in_ms: float | None = None) -> None:
    wait_ms = desk.world.swarm.draw.uniform(0, 120) if in_ms is None else in_ms
    desk.world.time.after(wait_ms, partial(desk.send, authority, payload))


def _forged(desk: "Authorities", authority: str, grant: Grant) -> bytes:
    """A key that is good for something else, or another one's signature below the right key's name."""
    signer = desk.world.swarm.draw.choice((f"result-{authority}", *(one for one in AUTHORITIES if one != authority)))
    forged = desk.seal(authority, grant, signer)
    if desk.world.swarm.draw.random() < 0.5:
        return forged
    return b".".join((*desk.seal(authority, grant).split(b".")[:2], forged.split(b".")[2]))


def _bad_json(desk: "Authorities", authority: str, grant: Grant) -> bytes:
    """A right signature over claims that two readers could understand differently."""
    good = canonical_json(grant_claims(grant))
    draw, signers, name = desk.world.swarm.draw, desk.world.signers, desk.world.keysets.signs(authority)
    bom, deep = b"\xef\xbb\xbf", b"[" * 40 + b"]" * 40
    bad = draw.choice((
        good[:-1] + b',"verdict":"release"}', good.replace(b'"ttl_ms":', b'"ttl_ms":1e999,"x":'), bom + good,
        good + b"{}", good.replace(b'"v":1', b'"v":2'), deep, good[:-1] + b',"more":1}',
    ))  # fmt: skip
    return seal(bad, typ=GRANT_TYPE, key_id=signers.key_ids[name], key=signers.keys[name])
