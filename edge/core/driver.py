"""Who drives: what a reader of cards or printed codes told of the driver, and what the lane makes of it."""

from collections.abc import Sequence

from edge.core.profile import LaneProfile
from edge.core.readings import DriverCard, Reading

# Cards of one passage that are kept: more are no more of a conflict.
MOST_CARDS = 4


def fuse_driver(profile: LaneProfile, cards: Sequence[DriverCard], lost_devices: Sequence[str]) -> Reading[DriverCard]:
    """Return who drives the vehicle in the lane, or why nobody knows: of two cards none is preferred."""
    if profile.driver_identity is None:
        return Reading("unread", reason="not_looked_for")
    if len(cards) > 1:
        return Reading("conflict", candidates=tuple(cards), reason="several_cards")
    if not cards:
        lost = profile.driver_identity in lost_devices
        return Reading("unread", reason="device_lost" if lost else "no_card")
    return Reading("read", cards[0], 1.0)
