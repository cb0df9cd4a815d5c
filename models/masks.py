"""Areas of one picture that are left out of recognition: painted over before anything looks, reached by no answer."""

import math
from collections.abc import Iterable, Sequence
from dataclasses import replace
from typing import TypeVar

import numpy as np

from edge.core.masks import Mask, boxes_of
from edge.core.readings import Box, ContainerSighting, PlateSighting, VehicleSighting
from models.lines import overlap
from models.pixels import Image, painted_over

# Why something is unread: it reaches into an area that is left out, or so near that a character more may be hidden.
MASKED = "masked"
# How near, aside and up or down, in shorter sides of what is read. A plate may go on behind its last character, and
# what is seen of it is a plate all the same: the next character is less than a row's height away. A code that is
# verified is whole: only its own characters may be cut.
PLATE_REACH = (1.0, 0.3)
CODE_REACH = (0.3, 0.3)
# What is read in a place that shares so much with one that was refused is the same plate or code, cut otherwise.
SAME_PLACE = 0.3
# A box that a vehicle carries begins within a third of what is seen of the vehicle.
VEHICLE_REACH = (1 / 3, 1 / 3)
# The size and type stands so many heights around a code, or nearer.
SIZE_TYPE_REACH = (3.0, 3.0)
# What carries a box, and shows nothing of it where the box is hidden.
_CONTAINER = "container"

# A plate that a mask cuts is seen faintly, and another vehicle's is answered then. Of 180 pairs of photographs 50 were
# wrong where it had to be seen surely, 17 where it has to be so high; of 250 that are read beside a mask 13 and 12 were
# lost.
NEARLY_AS_HIGH = 2 / 3

# Aside, and up or down.
Reach = tuple[float, float]
Sighting = TypeVar("Sighting", PlateSighting, ContainerSighting)


class Masked:
    """What is left out of one picture, and what was refused for it. Without `masks` nothing is, whatever its size."""

    def __init__(self, masks: Iterable[Mask] = (), width: int = 0, height: int = 0) -> None:
        self._boxes = boxes_of(masks, width, height)
        self._refused: dict[str, list[Box]] = {}
        # 255 for each pixel that is looked at, 0 for what is left out; None where nothing is.
        self.seen: Image | None = np.full((height, width), 255, np.uint8) if self._boxes else None
        for x, y, wide, high in self._boxes:
            assert self.seen is not None
            self.seen[y : y + high, x : x + wide] = 0

    @property
    def leaves_nothing(self) -> bool:
        """Whether no pixel is left to look at."""
        return self.seen is not None and not self.seen.any()

    def painted(self, image: Image) -> Image:
        """Return `image` with what is left out painted over."""
        return image if self.seen is None else painted_over(image, self.seen)

    def reached(self, box: Box, reach: Reach) -> bool:
        """Say whether `box`, made larger by `reach` on each side, holds anything that is left out."""
        x, y, width, height = box
        aside, level = (one * min(width, height) for one in reach)
        return any(
            x - aside < left + wide and left < x + width + aside and y - level < top + high and top < y + height + level
            for left, top, wide, high in self._boxes
        )

    def spared(self, what: str, reach: Reach, sightings: Sequence[Sighting]) -> list[Sighting]:
        """Return those of `sightings` that are seen whole: a part of a plate or code may be another one.

        What was refused once is believed in no other cut of the same place either.
        """
        refused = self._refused.setdefault(what, [])
        refused += [one.box for one in sightings if self.reached(one.box, reach)]
        return [one for one in sightings if not any(overlap(one.box, other) > SAME_PLACE for other in refused)]

    def first_refused(self, what: str) -> Box | None:
        """Return where `what` was read and refused first, or None."""
        return next(iter(self._refused.get(what, ())), None)

    def alone(self, what: str, sightings: Sequence[Sighting], seen: Iterable[Box] = ()) -> list[Sighting]:
        """Return `sightings`, or nothing where another one of their kind was refused: whose is it that is left?

        `seen` are places where plates may be, however faintly seen; of those that are nearly as high as the highest
        answer, or higher, and reach into what is left out, one is enough too.
        """
        refused = self._refused.setdefault(what, [])
        highest = max((min(one.box[2:]) for one in sightings), default=math.inf)
        refused += [
            box
            for box in seen
            if min(box[2:]) > NEARLY_AS_HIGH * highest
            and self.reached(box, PLATE_REACH)
            and not any(overlap(box, one.box) > 0.0 for one in sightings)
        ]
        return [] if refused else list(sightings)

    def may_hide_box(self, vehicles: Iterable[VehicleSighting]) -> Box | None:
        """Return a vehicle whose box may stand where nothing is seen: such a picture shows no empty one.

        So it is beside what is left out, and wherever that could hide a whole vehicle larger than all that are seen.
        """
        carrying = [one.box for one in vehicles if one.vehicle_class != _CONTAINER]
        beside = (box for box in carrying if self.reached(box, VEHICLE_REACH))
        largest = max(carrying, key=lambda box: box[2] * box[3], default=None)
        hidden = largest is not None and any(
            wide >= largest[2] and high >= largest[3] for _, _, wide, high in self._boxes
        )
        return next(beside, largest if hidden else None)

    def without_size_type(self, one: ContainerSighting) -> ContainerSighting:
        """Return `one` without its size and type where a part of that may be hidden."""
        if not self.reached(one.box, SIZE_TYPE_REACH):
            return one
        return replace(one, container=replace(one.container, size_type=None))
