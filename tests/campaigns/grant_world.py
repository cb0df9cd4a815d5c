"""What grants are mutated in: keys of every role, a lane that waits for answers, good grants; all drawn by seed."""

import hashlib
import random
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from edge.clearance.envelope import canonical_json, seal
from edge.clearance.grant import GRANT_TYPE, GrantRefusal, check_grant, grant_claims
from edge.clearance.keys import key_id_of
from edge.clearance.keyset import Keyset, KeysetKey
from edge.core.binding import refusal
from edge.core.grant import Grant, NotedPlate, ReleaseNote
from edge.core.profile import AuthorityProfile, LaneProfile
from edge.core.state import LaneState, Passage, Phase, Request
from edge.core.step import initial

NOW = datetime(2026, 3, 1, 8, tzinfo=UTC)
SENT_AT_MS, AT_MS, DEADLINE_MS = 50_000, 52_000, 20_000
AUTHORITIES = ("customs", "port")
OLD_SEQUENCE = 1_000
GOOD_GRANTS = 24


@dataclass(frozen=True, slots=True)
class Attempt:
    """Bytes and how they arrived; `state` is the lane as it then is."""

    raw: bytes
    state: LaneState
    authority: str = AUTHORITIES[0]
    retained: bool = False
    drill: bool = False
    at_ms: int = AT_MS
    now_utc: datetime = NOW


@dataclass(frozen=True, slots=True)
class Signer:
    """A private key and the id under which it signs."""

    key: Ed25519PrivateKey
    key_id: str


@dataclass(frozen=True, slots=True)
class Good:
    """A grant that counts, as a value and as bytes."""

    grant: Grant
    raw: bytes


class GrantWorld:
    """The keys, the lane and the good grants of one block of a campaign."""

    def __init__(self, name: str) -> None:
        self.draw = random.Random(name)
        self.site, self.lane = self.identifier(), self.identifier()
        self.right = {authority: self._signer(f"{name}/{authority}") for authority in AUTHORITIES}
        self.wrong = {
            kind: self._signer(f"{name}/{kind}")
            for kind in ("stranger", "lane", "drill", "revoked", "expired", "early", "elsewhere", "list")
        }
        keys = {one.key_id: one for one in self._keys()}
        self.keyset = Keyset("root", 1, "test", NOW - timedelta(days=1), NOW + timedelta(days=20), keys)
        self.state = self._waiting()
        self.good = [self._good(AUTHORITIES[n % len(AUTHORITIES)], n) for n in range(GOOD_GRANTS)]

    def identifier(self) -> str:
        return f"{self.draw.getrandbits(80):020x}"

    def sign(self, payload: bytes, signer: Signer) -> bytes:
        return seal(payload, typ=GRANT_TYPE, key_id=signer.key_id, key=signer.key)

    def judged(self, attempt: Attempt) -> str | None:
        """Return why the lane ignores it, or None where it counts: both halves of hazards.md 4.2."""
        outcome = check_grant(
            attempt.raw,
            retained=attempt.retained,
            authority=attempt.authority,
            keyset=self.keyset,
            site=self.site,
            lane=self.lane,
            now_utc=attempt.now_utc,
            drill=attempt.drill,
        )
        if isinstance(outcome, GrantRefusal):
            return outcome.reason
        return refusal(attempt.state, outcome, attempt.at_ms)

    def unaltered(self, good: Good) -> Attempt:
        return Attempt(good.raw, self.state, good.grant.authority)

    def _signer(self, name: str) -> Signer:
        key = Ed25519PrivateKey.from_private_bytes(hashlib.sha256(name.encode()).digest())
        return Signer(key, key_id_of(key.public_key()))

    def _keys(self) -> list[KeysetKey]:
        def listed(signer: Signer, issuer: str = AUTHORITIES[0]) -> KeysetKey:
            return KeysetKey(
                signer.key_id, issuer, signer.key.public_key(), "grant", (self.site,), (self.lane,),
                NOW - timedelta(days=1), NOW + timedelta(days=9),
            )  # fmt: skip

        wrong = {kind: listed(signer) for kind, signer in self.wrong.items() if kind != "stranger"}
        return [listed(signer, authority) for authority, signer in self.right.items()] + [
            replace(wrong["lane"], role="request", issuer=self.lane),
            replace(wrong["drill"], role="drill"),
            replace(wrong["list"], role="list"),
            replace(wrong["revoked"], status="revoked"),
            replace(wrong["expired"], not_after=NOW),
            replace(wrong["early"], not_before=NOW + timedelta(seconds=1)),
            replace(wrong["elsewhere"], lanes=("another-lane",)),
        ]

    def _waiting(self) -> LaneState:
        authorities = tuple(AuthorityProfile(authority, DEADLINE_MS) for authority in AUTHORITIES)
        requests = tuple(
            Request(authority, self.identifier(), f"{self.draw.getrandbits(256):064x}", SENT_AT_MS)
            for authority in AUTHORITIES
        )
        return replace(
            initial(LaneProfile(self.site, self.lane, "in", authorities)),
            phase=Phase.WAITING,
            boot=self.identifier(),
            passage=Passage(self.identifier(), 40_000, requests=requests),
            sequences=tuple((authority, OLD_SEQUENCE) for authority in AUTHORITIES),
        )

    def _good(self, authority: str, n: int) -> Good:
        passage = self.state.passage
        assert passage is not None
        request = next(one for one in passage.requests if one.authority == authority)
        assert request.request_hash is not None
        plates = tuple(NotedPlate(place, "沪A12345", "yellow") for place in ("front", "rear")[: n % 3])
        note = ReleaseNote(self.identifier(), plates, ("CSQU3054383",) * (n % 2), self.identifier())
        grant = Grant(
            authority, self.right[authority].key_id, self.site, self.lane, self.state.boot, passage.id, request.nonce,
            request.request_hash, ("release", "release", "release", "hold")[n % 4], self.draw.randint(2_000, 600_000),
            "2026-03-01T08:00:00Z", OLD_SEQUENCE + self.draw.randint(1, 10**9), note=note if n % 4 < 3 else None,
        )  # fmt: skip
        return Good(grant, self.sign(canonical_json(grant_claims(grant)), self.right[authority]))
