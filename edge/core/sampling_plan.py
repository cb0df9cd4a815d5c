"""Which share of released vehicles is looked at: a signed plan of the centre as a plain value, and the draw under it.

The shell checked form and signature (`edge.clearance.sampling_plan`). Nothing is scored here: the class of a vehicle
comes with its release note, its rate with the plan.
"""

import hmac
from collections.abc import Sequence
from dataclasses import dataclass

from edge.core.grant import ReferralTarget

_DIGEST_BITS = 256
PER_MILLE = 1_000


@dataclass(frozen=True, slots=True)
class SampledClass:
    """One credit class: how many of a thousand are looked at, and where."""

    name: str
    per_mille: int
    target: ReferralTarget


@dataclass(frozen=True, slots=True)
class SamplingPlan:
    """The plan of one lane, replaced as a whole. `classes` has at least one; `until_ms` is of the lane's clock.

    `seed` (hex) is this version's own and secret: whoever knows it knows whom the lane will look at.
    """

    authority: str
    version: int
    seed: str
    until_ms: int
    classes: tuple[SampledClass, ...]

    def share(self, names: Sequence[str]) -> tuple[str | None, SampledClass]:
        """Return which of the named classes decides, and what the plan says of it: the one with the highest rate.

        A class that the plan does not know, and a vehicle without one, is treated like the plan's highest rate.
        """
        known = {one.name: one for one in self.classes}
        highest = max(self.classes, key=lambda one: one.per_mille)
        shares: list[tuple[str | None, SampledClass]] = [(name, known.get(name, highest)) for name in names]
        return max(shares or [(None, highest)], key=lambda share: share[1].per_mille)


@dataclass(frozen=True, slots=True)
class Draw:
    """One draw: all that central needs, with the plan and its seed, to draw it again. `digest` is hex."""

    version: int
    credit_class: str | None
    per_mille: int
    target: ReferralTarget
    digest: str
    selected: bool


def draw(plan: SamplingPlan, passage: str, credit_classes: Sequence[str]) -> Draw:
    """Draw for a passage: HMAC-SHA-256 of its id under the seed, as a number, against the rate.

    The same passage always draws the same: a second attempt is no second chance.
    """
    name, share = plan.share(credit_classes)
    digest = hmac.digest(bytes.fromhex(plan.seed), passage.encode(), "sha256")
    selected = int.from_bytes(digest, "big") * PER_MILLE < share.per_mille << _DIGEST_BITS
    return Draw(plan.version, name, share.per_mille, share.target, digest.hex(), selected)
