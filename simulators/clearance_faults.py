"""What a clearance service may do wrong, or have done to its answers on the way: each a way to answer a request."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Literal, get_args

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from edge.clearance.envelope import canonical_json, seal
from edge.clearance.grant import GRANT_TYPE, grant_claims
from edge.clearance.key_types import PrivateKey
from edge.core.grant import Grant, ReferralTarget

BehaviourKind = Literal[
    "release",
    "refer",
    "deny",
    "hold",
    "silent",
    "late",
    "duplicate",
    "forged",
    "wrong_lane",
    "replayed",
    "retained",
    "malformed",
]
BEHAVIOURS: tuple[BehaviourKind, ...] = get_args(BehaviourKind)

# These try to open for a truck whatever the release notes say: the lane must not.
ATTACKS: frozenset[BehaviourKind] = frozenset({"forged", "wrong_lane", "replayed", "malformed"})


@dataclass(frozen=True, slots=True)
class Behaviour:
    """How a request is answered.

    `release` follows the release notes; `refer`, `deny` and `hold` answer that; `silent` does not answer.
    `late` follows the notes after `delay_ms`; `duplicate` sends the same answer three times; `retained` leaves
    it in the broker's store. `forged` is signed by a stranger under the true key id, `wrong_lane` is for another
    lane, `replayed` is an authentic release of an earlier passage, `malformed` is cut short.
    """

    kind: BehaviourKind = "release"
    delay_ms: int = 0
    target: ReferralTarget = "nii"


@dataclass(frozen=True, slots=True)
class Answer:
    """One message to send on the grant topic after `delay_ms`."""

    raw: bytes
    delay_ms: int = 0
    retain: bool = False


def sign_grant(grant: Grant, key: PrivateKey) -> bytes:
    """Return the grant as its issuer sends it."""
    return seal(canonical_json(grant_claims(grant)), typ=GRANT_TYPE, key_id=grant.key_id, key=key)


def answers(behaviour: Behaviour, grant: Grant, key: PrivateKey, earlier: Callable[[], bytes | None]) -> list[Answer]:
    """Return what is sent for a request whose right answer is `grant`; `earlier` gives an old release, if any."""
    raw = sign_grant(grant, key)
    match behaviour.kind:
        case "silent":
            return []
        case "duplicate":
            return [Answer(raw, behaviour.delay_ms)] * 3
        case "retained":
            return [Answer(raw, behaviour.delay_ms, retain=True)]
        case "forged":
            return [Answer(sign_grant(grant, Ed25519PrivateKey.generate()), behaviour.delay_ms)]
        case "wrong_lane":
            return [Answer(sign_grant(replace(grant, lane=f"{grant.lane[:60]}-not"), key), behaviour.delay_ms)]
        case "replayed":
            return [Answer(earlier() or _of_another_passage(grant, key), behaviour.delay_ms)]
        case "malformed":
            return [Answer(raw[: len(raw) // 2], behaviour.delay_ms)]
        case _:
            return [Answer(raw, behaviour.delay_ms)]


def _of_another_passage(grant: Grant, key: PrivateKey) -> bytes:
    return sign_grant(replace(grant, passage="earlier", nonce="earlier", request_hash="0" * 64), key)
