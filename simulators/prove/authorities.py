"""The authorities' side: they read the request's own bytes, decide by the truck, sign, and send over a bad network."""

import json
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from edge.clearance.envelope import canonical_json, decode_base64url, seal
from edge.clearance.grant import GRANT_TYPE, grant_claims
from edge.clearance.request import request_hash
from edge.core.grant import Grant, ReferralTarget
from edge.field_policy import FIELD_RULES, FieldPolicy
from simulators.prove import hostile
from simulators.prove.joins import SILENT

if TYPE_CHECKING:
    from simulators.prove.world import World

_TARGETS: tuple[ReferralTarget, ...] = ("nii", "bay", "weigh", "quarantine")


def _drawn_policy(world: "World") -> FieldPolicy:
    plates, containers, tag, driver, seals = (world.draw.choice(FIELD_RULES) for _ in range(5))
    return FieldPolicy(plates, containers, tag, b"k" * 16, driver=driver, seals=seals)


class Authorities:
    """All authorities of the lane, each with its own view of what was read.

    `released` is the truth: which nonce they answered with a release, for what.
    """

    def __init__(self, world: "World") -> None:
        self.world = world
        self.policies = {one.id: _drawn_policy(world) for one in world.profile.authorities}
        self.released: dict[str, tuple[str, str]] = {}
        self.asked_ms: dict[str, int] = {}
        self.denied: dict[str, int] = {}
        self.answered: set[str] = set()
        # The credit class that the release notes of each passage named.
        self.credit: dict[str, str | None] = {}
        # Who wanted to look at the vehicle of which passage, where.
        self.wanted: set[tuple[str, str, str]] = set()
        self.other_lanes: set[str] = set()
        self.sent: list[tuple[str, bytes]] = []
        self._sequence: dict[str, int] = {}

    def receive(self, authority: str, raw: bytes) -> bool:
        """A request leaves the lane, if it can."""
        if self.world.outages.down:
            return False
        claims: dict[str, Any] = json.loads(decode_base64url(raw.split(b".")[1]))
        self.world.judge.asked(authority, claims, raw)
        self.world.joins.asked(authority, claims)
        self.asked_ms[claims["nonce"]] = self.world.time.now_ms
        self.world.time.after(self.world.draw.uniform(15, 70), lambda: self.answer(authority, claims, raw))
        return True

    def answer(self, authority: str, claims: dict[str, Any], raw: bytes) -> None:
        """Decide and send."""
        world, one = self.world, self.world.traffic.now
        strikes, later = world.swarm.strikes, world.time.after
        denied = one is None or world.scale.contradicts(one, claims) or world.readers.contradicts(one, claims)
        verdict = "deny" if denied else world.joins.of(authority)
        if verdict == SILENT:
            return
        grant = self._grant(authority, claims, raw, verdict)
        hostile.around(self, authority, grant)
        if strikes("grant_lost", 0.2) or world.outages.down:
            self.released.pop(grant.nonce, None)
            return
        self.answered.add(grant.nonce)
        world.joins.said(grant.nonce, grant.verdict)
        payload = self.seal(authority, grant)
        self.sent.append((authority, payload))
        if strikes("late_grant", 0.25):
            profile = next(one for one in world.profile.authorities if one.id == authority)
            left_ms = profile.deadline_ms - (world.time.now_ms - self.asked_ms[grant.nonce])
            late_ms = left_ms + world.swarm.draw.choice((-1, 0, 1, 2, 700))
            later(late_ms, lambda: self.send(authority, payload))
            return
        self.send(authority, payload)
        if strikes("grant_twice", 0.4):
            for _ in range(world.swarm.draw.randint(1, 5)):
                later(world.swarm.draw.uniform(0, 900), lambda: self.send(authority, payload))

    def next_sequence(self, authority: str) -> int:
        """Count on, as each issuer does."""
        self._sequence[authority] = self._sequence.get(authority, 0) + 1
        return self._sequence[authority]

    def _grant(self, authority: str, claims: dict[str, Any], raw: bytes, verdict: Any) -> Grant:
        one = self.world.traffic.now
        grant = Grant(
            authority=authority,
            key_id=self.world.signers.key_ids[self.world.keysets.signs(authority)],
            site=claims["site"],
            lane=claims["lane"],
            boot=claims["boot"],
            passage=claims["passage"],
            nonce=claims["nonce"],
            request_hash=request_hash(raw),
            verdict=verdict,
            ttl_ms=3_000,
            issued_at=self.world.outages.issued_at(),
            sequence=self.next_sequence(authority),
            reason="" if verdict == "release" else "checked",
        )
        if verdict == "refer":
            target = self.world.draw.choice(_TARGETS)
            grant = replace(grant, target=target)
            self.wanted.add((grant.passage, authority, target))
        if verdict == "release" and one is not None:
            grant = replace(grant, note=one.note)
            self.credit[grant.passage] = one.credit_class
            self.world.opening.noted(grant.passage, one)
            self.released[grant.nonce] = (grant.passage, grant.request_hash)
        return grant

    def seal(self, authority: str, grant: Grant, signer: str | None = None) -> bytes:
        """Return the signed bytes."""
        name = signer or self.world.keysets.signs(authority)
        signers = self.world.signers
        payload = canonical_json(grant_claims(grant))
        return seal(payload, typ=GRANT_TYPE, key_id=signers.key_ids[name], key=signers.keys[name])

    def why_not(self, nonce: str) -> tuple[str, str]:
        """Say which invariant an opening breaks that no release of this nonce allowed, and how."""
        if nonce in self.other_lanes:
            return "I17", "another lane's grant opened this one"
        if nonce not in self.answered:
            return "I21", "opened although no authority answered, and no list allowed it"
        return "I1", "no authority released this nonce"

    def send(self, authority: str, payload: bytes, *, retained: bool = False) -> bool:
        """Deliver to the lane that is alive now; says whether its link took it."""
        box = self.world.box
        if box is None or box.dead or not self.world.outages.heard():
            return False
        self.world.keysets.delivered(payload)
        dropped = box.link.dropped_by_flood
        box.link.deliver(authority, payload, retained=retained)
        return box.link.dropped_by_flood == dropped
