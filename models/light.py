"""Whether a picture's light and sharpness allow reading, and what may be why nothing was read.

Levels are those of 1441 real photographs (gate, yard and street, night included; plate crops) and of 40 of those
crops made worse step by step (docs/recognition.md).
"""

from dataclasses import dataclass

import numpy as np

from models.pixels import Image, away_from_zeros, counts, edges, grey, shrunk

# Brightness that a twentieth of the picture is above, and that nine tenths are above: nothing is read beyond these.
DARK_LEVEL = 24
OVEREXPOSED_LEVEL = 250
# Darkest photograph 48, brightest 173: beyond these a picture in which nothing was found is named by its light.
DIM_LEVEL = 40
GLARE_LEVEL = 200
# Brightness from the darkest to the brightest part: photographs have 50 and more, a crop that is still read 10.
COVERED_SPREAD = 8
# Strength of the sharpest thousandth of edges: photographs have 17 and more. Below 8 wrong plates were read, where
# they were also less than a fifth of the spread; low contrast alone makes edges weak and is read well.
BLURRED_EDGES = 8
BLURRED_SHARE = 0.2
_PARTS = (32, 24)
# How far from a pixel what is measured at it reaches: grain is smoothed over one, an edge is of one more.
EDGE_REACH_PX = 2


@dataclass(frozen=True, slots=True)
class Light:
    """How bright a picture is (0-255), how much its parts differ, and how strong its sharpest edges are."""

    low: int
    high: int
    spread: int
    edges: int


def light_of(image: Image, seen: Image | None = None) -> Light:
    """Measure `image` on every so many pixels, about 640 x 480 of them (2 ms; 0.1 ms for the crop of a plate).

    What is 0 in `seen` does not count, nor the edges at its sides; in `image` it has no brightness of its own.
    """
    down, across = max(1, image.shape[0] // 480), max(1, image.shape[1] // 640)
    brightness = np.ascontiguousarray(grey(image[::down])[:, ::across])
    counted = None if seen is None else np.ascontiguousarray(seen[::down, ::across])
    low, high = _levels(brightness, counted, 0.10, 0.95)
    parts = shrunk(brightness, *_PARTS)
    inside = None if counted is None else away_from_zeros(counted, EDGE_REACH_PX)
    (sharpest,) = _levels(edges(brightness), inside, 0.999)
    return Light(low, high, int(parts.max()) - int(parts.min()), sharpest)


def _levels(values: Image, counted: Image | None, *shares: float) -> list[int]:
    """Return for each of `shares` the value that this share of `values` does not exceed."""
    counted_values = counts(values, counted).cumsum()
    return [int(np.searchsorted(counted_values, share * counted_values[-1])) for share in shares]


def defect_of(light: Light) -> str | None:
    """Return `dark`, `overexposed`, `covered` or `blurred` where nothing may be read, else None."""
    if light.high < DARK_LEVEL:
        return "dark"
    if light.low > OVEREXPOSED_LEVEL:
        return "overexposed"
    if light.spread < COVERED_SPREAD:
        return "covered"
    blurred = light.edges < BLURRED_EDGES and light.edges < BLURRED_SHARE * light.spread
    return "blurred" if blurred else None


def cause_of(light: Light) -> str | None:
    """Return `dark` or `overexposed` where that may be why nothing was found, else None."""
    if light.high < DIM_LEVEL:
        return "dark"
    return "overexposed" if light.low > GLARE_LEVEL else None
