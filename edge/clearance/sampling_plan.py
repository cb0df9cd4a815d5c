"""The signed plan by which a lane looks at a share of the vehicles that it releases (抽查).

`check_plan` gives an authentic plan whose end is of the lane's monotonic clock; who is drawn is judged in
`edge.core.sampling`. The seed is not in the plan: lane and issuer derive it from their secret, and the plan carries its
SHA-256, so that nobody can choose another one afterwards.
"""

import hashlib
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

from edge.clearance.claims import Table, is_hash, is_identifier, is_integer, list_of, object_of, one_of
from edge.clearance.envelope import canonical_json
from edge.clearance.envelope import seal as seal_envelope
from edge.clearance.issued import ISSUED, IssuedContext, IssuedRefusal, open_issued, version_key
from edge.clearance.key_types import PrivateKey
from edge.core.grant import REFERRAL_TARGETS
from edge.core.sampling_plan import PER_MILLE, SampledClass, SamplingPlan
from edge.times import rfc3339

PLAN_TYPE = "gate-sampling-plan+jws"
PLAN_VERSION = 1
MAX_PLAN_LIFE = timedelta(days=30)
MAX_CLASSES = 32

_CLASS: Table = {
    "class": is_identifier,
    "per_mille": lambda value: is_integer(value, most=PER_MILLE),
    "target": one_of(*REFERRAL_TARGETS),
}
_PLAN: Table = {
    "v": one_of(PLAN_VERSION),
    "typ": one_of(PLAN_TYPE),
    **ISSUED,
    "seed_hash": is_hash,
    "classes": list_of(object_of(_CLASS), longest=MAX_CLASSES, least=1),
}


def check_plan(raw: bytes, context: IssuedContext) -> SamplingPlan | IssuedRefusal:
    """Return the authentic plan of this lane that `raw` is, or why it is none. Never raises.

    Reasons beside those of `IssuedRefusal`: duplicate_class, seed (the secrets of issuer and lane differ).
    """
    claims = open_issued(raw, context, typ=PLAN_TYPE, role="sampling", table=_PLAN, longest=MAX_PLAN_LIFE)
    if isinstance(claims, IssuedRefusal):
        return claims
    classes = tuple(SampledClass(one["class"], one["per_mille"], one["target"]) for one in claims["classes"])
    seed = plan_seed(context.secret, context.site, context.lane, claims["version"])
    if len({one.name for one in classes}) != len(classes):
        return IssuedRefusal("duplicate_class")
    if seed_hash(seed) != claims["seed_hash"]:
        return IssuedRefusal("seed")
    until_ms = context.until_ms(claims["not_after"], MAX_PLAN_LIFE)
    return SamplingPlan(claims["iss"], claims["version"], seed, until_ms, classes)


def plan_seed(secret: bytes, site: str, lane: str, version: int) -> str:
    """Return the seed (hex) of one version's draws."""
    return version_key(secret, "sampling-plan", site, lane, version)


def seed_hash(seed: str) -> str:
    """Return what a plan says of its seed: SHA-256 (hex) of its bytes."""
    return hashlib.sha256(bytes.fromhex(seed)).hexdigest()


def plan_claims(
    authority: str,
    site: str,
    lane: str,
    version: int,
    classes: tuple[SampledClass, ...],
    *,
    secret: bytes,
    issued: datetime,
    not_after: datetime,
) -> dict[str, Any]:
    """Return the claims of a plan: what its issuer signs."""
    return {
        "v": PLAN_VERSION,
        "typ": PLAN_TYPE,
        "iss": authority,
        "site": site,
        "lane": lane,
        "version": version,
        "issued": rfc3339(issued),
        "not_after": rfc3339(not_after),
        "seed_hash": seed_hash(plan_seed(secret, site, lane, version)),
        "classes": [{"class": one.name, "per_mille": one.per_mille, "target": one.target} for one in classes],
    }


def seal_plan(claims: Mapping[str, Any], *, key_id: str, key: PrivateKey) -> bytes:
    """Return a plan as its issuer sends it."""
    return seal_envelope(canonical_json(dict(claims)), typ=PLAN_TYPE, key_id=key_id, key=key)
