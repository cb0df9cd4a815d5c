"""Areas of a camera's picture that are left out of recognition, in shares of its width and height."""

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import pairwise

from edge.core.readings import Box

# As many as a person can look over: a time, a name, a number, a neighbouring lane, and room for the odd lamp.
MOST_MASKS = 16


@dataclass(frozen=True, slots=True)
class Mask:
    """One area, from 0.0 (the left or upper edge of the picture) to 1.0. Build it with `mask_of` where it is told."""

    left: float
    top: float
    right: float
    bottom: float


def mask_of(left: float, top: float, right: float, bottom: float) -> Mask:
    """Return the area between these sides. Raises ValueError where they are outside 0 to 1, or nothing lies between."""
    if not (0.0 <= left < right <= 1.0 and 0.0 <= top < bottom <= 1.0):
        raise ValueError(f"{left}, {top}, {right}, {bottom}: no area of a picture")
    return Mask(left, top, right, bottom)


def share_left(masks: Sequence[Mask]) -> float:
    """Return the share of a picture that none of `masks` hides, however they overlap."""
    across = sorted({0.0, 1.0, *(side for one in masks for side in (one.left, one.right))})
    down = sorted({0.0, 1.0, *(side for one in masks for side in (one.top, one.bottom))})
    return sum(
        (right - left) * (bottom - top)
        for left, right in pairwise(across)
        for top, bottom in pairwise(down)
        if not any(one.left <= left and right <= one.right and one.top <= top and bottom <= one.bottom for one in masks)
    )


def boxes_of(masks: Iterable[Mask], width: int, height: int) -> tuple[Box, ...]:
    """Return the pixels that `masks` hide in a picture of this size; one that is hidden in part is hidden."""
    boxes = []
    for one in masks:
        left, top = math.floor(one.left * width), math.floor(one.top * height)
        boxes.append((left, top, math.ceil(one.right * width) - left, math.ceil(one.bottom * height) - top))
    return tuple(boxes)
