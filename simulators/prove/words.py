"""The operator looks at the pictures of a held vehicle and says what was not read: what is on it, or a mistake."""

from dataclasses import replace
from random import Random
from typing import TYPE_CHECKING

from edge.core.events import Supplemented
from edge.core.profile import LaneProfile
from edge.core.state import LaneState
from simulators.prove.traffic import Truck, truck

if TYPE_CHECKING:
    from simulators.prove.world import World

_SHARE_OF_LANES = 0.5
_SAYS = 0.4
_MISTAKEN = 0.2


def drawn_words(profile: LaneProfile, seed: str) -> LaneProfile:
    """In some lanes the grants open what a person completed; in the others a person opens all the same."""
    draw = Random(seed + "|words")  # noqa: S311 - a repeatable simulation
    return replace(profile, supplement_opens=draw.random() < _SHARE_OF_LANES)


class Words:
    """What one operator says of the vehicles that are held."""

    def __init__(self, world: "World") -> None:
        self.world = world
        self._draw = Random(world.plan.seed + "|said")  # noqa: S311 - a repeatable simulation

    def of(self, state: LaneState) -> Supplemented | None:
        """Return what the operator says of the vehicle that is held now, if anything."""
        passage = state.passage
        there, identity = self.world.traffic.now, None if passage is None else passage.identity
        if there is None or passage is None or identity is None or self._draw.random() >= _SAYS:
            return None
        meant = truck(there.number + 1, there.verdict) if self._draw.random() < _MISTAKEN else there
        unread = {place for place, reading in identity.plates if reading.status == "unread"}
        plates = tuple((place, text) for place, text in _plates(meant) if place in unread)
        boxes = tuple(one.code for one in meant.containers) if identity.containers.status == "unread" else ()
        if not plates and not boxes:
            return None
        return Supplemented(self.world.time.now_ms, "chen", "looked", plates, boxes, passage.id)


def _plates(meant: Truck) -> list[tuple[str, str]]:
    trailer = [] if meant.trailer is None else [("rear", meant.trailer.text)]
    return [("front", meant.plate.text), *trailer]
