"""Where the one row of a plate stands in the crop of a plate camera: how it slopes, leans, and how high it is.

A crop is the upright box around a plate, however that stands. What is measured here needs no network: the edges of
characters and of the plate, added up along each slope that they may have.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from models.detector import TextLine
from models.pixels import Array, Image, grey, resized
from models.reader import LINE_HEIGHT_PX

# How many pixels down (to the left) for each to the right (down). The steepest photographed crop has 0.20 and -0.18.
SLOPES = np.round(np.arange(-0.30, 0.301, 0.02), 2)
LEANS = np.round(np.arange(-0.50, 0.501, 0.05), 2)
# Edges that add up so little better aslant than upright say nothing of how characters lean.
SURELY_LEANS = 1.1
# The row goes on where the strokes of a level are this share of those of its middle.
STROKES_SHARE = 0.6
# A row that takes less of the crop than this is no row, but a line under or over it.
LEAST_SHARE = 0.2
# Fewer strokes than this are none.
_SOME = 1e-6
# What a reader gets above and below of the row, in its heights: the readers know crops with some ground around.
GROUND = 0.5


@dataclass(frozen=True, slots=True)
class FittedRow:
    """A row in a crop: its slope, how its characters lean, its upper and lower edge in the middle of the crop (px)."""

    slope: float
    lean: float
    upper: float
    lower: float

    def line(self, width: int, ground: float = GROUND) -> TextLine:
        """Return the row across a crop of this width, with so much `ground` of its heights above and below."""
        more = ground * (self.lower - self.upper)
        upper, lower, middle = self.upper - more, self.lower + more, (self.upper + self.lower) / 2
        corners = [
            (along + self.lean * (level - middle), level)
            for along, level in ((0, upper), (width, upper), (width, lower), (0, lower))
        ]
        return TextLine(np.array([(x, y + self.slope * (x - width / 2)) for x, y in corners], np.float32), 1.0)


def fitted_row(crop: Image) -> FittedRow | None:
    """Return the row that fills the width of `crop`, None where nothing in it looks like one."""
    height, width = crop.shape[:2]
    scale = LINE_HEIGHT_PX / height
    pixels = np.asarray(grey(resized(crop, round(width * scale), LINE_HEIGHT_PX)), np.float32)
    y, x = np.mgrid[1 : pixels.shape[0] - 1, 1 : pixels.shape[1] - 1].astype(np.float32)
    down = pixels[2:, 1:-1] - pixels[:-2, 1:-1]
    along = pixels[1:-1, 2:] - pixels[1:-1, :-2]
    aside = x - (pixels.shape[1] - 1) / 2
    slope = float(SLOPES[int(np.argmax([_sharpness(y - one * aside, down) for one in SLOPES]))])
    level = y - slope * aside
    upper, lower = _strokes(level, np.abs(along))
    if lower - upper < LEAST_SHARE * LINE_HEIGHT_PX:
        return None
    of_row = (level >= upper) & (level < lower)
    x, level, along = x[of_row], level[of_row] - (upper + lower) / 2, along[of_row]
    sharpness = np.array([_sharpness(x - one * level, along) for one in LEANS])
    best = int(sharpness.argmax())
    leans = sharpness[best] > SURELY_LEANS * sharpness[len(LEANS) // 2]
    return FittedRow(slope, float(LEANS[best]) if leans else 0.0, upper / scale, lower / scale)


def _places(where: Array) -> NDArray[np.intp]:
    """Return the whole number next to each value, counted from the least of them."""
    rounded = np.rint(where).astype(np.intp).ravel()
    return np.asarray(rounded - rounded.min(), np.intp)


def _sharpness(where: Array, edges: Array) -> float:
    """Return how sharp the profile of `edges` is that come to lie at `where`: those of one line add up in one place."""
    return float(np.square(np.bincount(_places(where), edges.ravel())).sum())


def _strokes(level: Array, edges: Array) -> tuple[float, float]:
    """Return the first and last `level` around the middle one at which there are as many strokes as characters have."""
    places = _places(level)
    strokes = np.bincount(places, edges.ravel()) / np.maximum(np.bincount(places), 1)
    least = round(float(level.min()))
    top, bottom = max(0, LINE_HEIGHT_PX // 4 - least), LINE_HEIGHT_PX * 3 // 4 - least
    middle = strokes[top:bottom]
    floor = max(STROKES_SHARE * float(np.median(np.sort(middle)[len(middle) // 2 :])), _SOME)
    first = last = top + int(middle.argmax())
    while first > 0 and strokes[first - 1] >= floor:
        first -= 1
    while last < len(strokes) - 1 and strokes[last + 1] >= floor:
        last += 1
    return float(first + least), float(last + 1 + least)
