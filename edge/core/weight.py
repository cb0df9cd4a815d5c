"""What the scale under a lane says, and what the lane makes of it: no weight rather than a wrong one."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from edge.core.cargo import EmptyWeights
from edge.core.container import Container
from edge.core.profile import LaneProfile
from edge.core.readings import Reading, Weight

# From the loop that a vehicle leaves to where the scale ends; nobody comes to rest behind it so soon.
ROLLS_OFF_MS = 500
# Why no box is read where none was seen: the vehicle weighs more than the site's empty ones.
HEAVIER_THAN_EMPTY = "heavier_than_empty"
WeighingStatus = Literal["stable", "moving", "empty", "overload", "tared"]


@dataclass(frozen=True, slots=True)
class Weighing:
    """What a scale says from `since_ms` on. `kg` is gross; None unless it is `stable`.

    `empty`: nothing stands on it that could be a vehicle. `tared`: the indicator shows a net weight, which is not the
    vehicle's.
    """

    status: WeighingStatus
    kg: int | None
    since_ms: int


def is_anothers(weighing: Weighing, gone_ms: int | None) -> bool:
    """Say whether it came to rest while the vehicle before was there, which was off the scale at `gone_ms`."""
    return gone_ms is not None and weighing.since_ms <= gone_ms


def fuse_weight(
    profile: LaneProfile, weighing: Weighing | None, lost_devices: Sequence[str], doubt: str | None = None
) -> Reading[Weight]:
    """Return the weight of the vehicle that stands in the lane, or why there is none.

    `doubt`: why what the scale shows would be the weight of something else.
    """
    if profile.weighbridge is None:
        return Reading("unread", reason="not_looked_for")
    if profile.weighbridge in lost_devices:
        return Reading("unread", reason="device_lost")
    if weighing is None:
        return Reading("unread", reason="no_weight")
    if weighing.kg is None:
        return Reading("unread", reason=weighing.status)
    if doubt is not None:
        return Reading("unread", reason=doubt)
    return Reading("read", Weight(weighing.kg), 1.0)


def unless_heavier(
    boxes: Reading[tuple[Container, ...]], weight: Reading[Weight], empty_weights: EmptyWeights | None
) -> Reading[tuple[Container, ...]]:
    """Return `boxes`, but not as read where none was seen and the vehicle weighs more than any that carries nothing."""
    if empty_weights is None or boxes.value != () or weight.value is None:
        return boxes
    if weight.value.kg <= empty_weights.chassis_most_kg:
        return boxes
    return Reading("unread", reason=HEAVIER_THAN_EMPTY, evidence=boxes.evidence)
