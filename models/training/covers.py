"""Things that stand, hang or stick before a number and hide a part of it, drawn over pictures for judging.

Where a number stands is told by four corners; all sizes are shares of its length, so that they are the same for the
crop of a plate and for a scene. A column of characters is a row whose first side runs downwards.
"""

from dataclasses import dataclass
from typing import Literal, get_args

import cv2
import numpy as np

from models.pixels import Array, Image

Rng = np.random.Generator
# Over the whole height; over a part of it, from above or below; aslant; links; a rope with a hook at its end; a patch.
Kind = Literal["post", "stub", "bar", "chain", "hook", "mud"]
KINDS: tuple[Kind, ...] = get_args(Kind)
# What a thing looks like: `ground` is painted as what is behind the characters, so that no pixel tells of it.
Paint = Literal["dark", "grey", "bright", "coloured", "ground"]
PAINTS: tuple[Paint, ...] = get_args(Paint)
LEAST_WIDTH, MOST_WIDTH = 0.04, 0.15
# Its middle stands over characters, not beside them.
_FIRST, _LAST = 0.06, 0.94
# How far a thing goes on above and below, in heights of the number.
_REACH = 2.0
_STUB = (0.35, 0.85)
_LEAN, _ASLANT = 0.15, (0.35, 1.0)
_SOFT_PX = 0.9
_SHADED_SHARE = 0.5
_LEVELS = {"dark": (10, 60), "grey": (80, 170), "bright": (190, 250)}
# Coordinates of polygons are told to OpenCV in sixteenths of a pixel.
_SHIFT = 4
_EARTH = (60, 85, 110)


@dataclass(frozen=True, slots=True)
class Cover:
    """One thing: what it is, how it is painted, how wide it is and where its middle stands along the number."""

    kind: Kind
    paint: Paint
    width: float
    place: float


def drawn_cover(rng: Rng) -> Cover:
    """Return a thing by chance, each kind, paint, width and place as often as any other."""
    kind = KINDS[int(rng.integers(len(KINDS)))]
    paint = PAINTS[int(rng.integers(len(PAINTS)))]
    width, place = float(rng.uniform(LEAST_WIDTH, MOST_WIDTH)), float(rng.uniform(_FIRST, _LAST))
    return Cover(kind, paint, width, place)


def covered(image: Image, corners: Array, cover: Cover, rng: Rng, texture: Image | None = None) -> Image:
    """Return `image` with `cover` before the number that stands at `corners` (clockwise from its first character).

    Where there is a `texture`, as large as `image`, the thing shows that in place of its paint.
    """
    height = float(np.linalg.norm(corners[3] - corners[0]))
    long = float(np.linalg.norm(corners[1] - corners[0])) / max(height, 1.0)
    mask = np.zeros(image.shape[:2], np.uint8)
    for polygon in _polygons(cover, long, rng):
        # From lengths and heights of the number to pixels.
        places = corners[0] + polygon[:, :1] * (corners[1] - corners[0]) + polygon[:, 1:] * (corners[3] - corners[0])
        cv2.fillPoly(mask, [np.round(places * (1 << _SHIFT)).astype(np.int32)], 255, cv2.LINE_AA, _SHIFT)
    soft = float(rng.uniform(0.3, _SOFT_PX))
    share = cv2.GaussianBlur(mask.astype(np.float32) / 255.0, (0, 0), soft)[:, :, None]
    paint = _painted(image, corners, cover, rng) if texture is None else texture.astype(np.float32)
    return np.asarray(np.clip(image * (1.0 - share) + paint * share, 0, 255), np.uint8)


def _polygons(cover: Cover, long: float, rng: Rng) -> list[Array]:
    """Return outlines in lengths (x) and heights (y) of a number that is `long` times longer than high."""
    half, middle = cover.width / 2, cover.place
    lean = float(rng.uniform(-_LEAN, _LEAN)) / long
    top, low = -_REACH, 1.0 + _REACH
    if cover.kind == "stub":
        reach = float(rng.uniform(*_STUB))
        top, low = (top, reach) if rng.random() < 0.5 else (1.0 - reach, low)
    if cover.kind == "bar":
        lean = float(rng.uniform(*_ASLANT)) / long * (1 if rng.random() < 0.5 else -1)
    if cover.kind in ("post", "stub", "bar"):
        ends = [(x + lean * (y - 0.5), y) for y, sides in ((top, (-half, half)), (low, (half, -half))) for x in sides]
        return [np.array([(middle + x, y) for x, y in ends], np.float32)]
    if cover.kind == "chain":
        tall = 2.4 * half * long
        first = float(rng.uniform(0, tall))
        links = np.arange(-0.6 - first, 1.6, 0.8 * tall)
        return [_round(middle, float(y), half if turn % 2 else 0.45 * half, tall / 2) for turn, y in enumerate(links)]
    if cover.kind == "hook":
        end = float(rng.uniform(0.3, 0.8))
        rope = [(middle - half / 3, top), (middle + half / 3, top), (middle + half / 3, end), (middle - half / 3, end)]
        return [np.array(rope, np.float32), _round(middle, end, half, half * long)]
    uneven = rng.uniform(0.6, 1.1, 14)
    return [
        _round(middle, float(rng.uniform(0.2, 0.8)), half, float(rng.uniform(0.25, 0.6)), uneven.astype(np.float32))
    ]


def _round(x: float, y: float, wide: float, tall: float, uneven: Array | float = 1.0) -> Array:
    turns = np.linspace(0, 2 * np.pi, 15)[:-1]
    return np.stack([x + wide * uneven * np.cos(turns), y + tall * uneven * np.sin(turns)], axis=1).astype(np.float32)


def _painted(image: Image, corners: Array, cover: Cover, rng: Rng) -> Array:
    """Return the picture full of the paint of `cover`: flat, or shaded across as what is round, with a little grain."""
    colour = _colour(image, corners, cover, rng)
    paint = np.broadcast_to(colour, image.shape).astype(np.float32)
    if rng.random() < _SHADED_SHARE:
        along = (corners[1] - corners[0]) / max(float(np.linalg.norm(corners[1] - corners[0])) ** 2, 1.0)
        rows, columns = np.mgrid[: image.shape[0], : image.shape[1]].astype(np.float32)
        across = ((columns - corners[0][0]) * along[0] + (rows - corners[0][1]) * along[1] - cover.place) / cover.width
        paint = paint * (1.15 - np.clip(np.abs(across - 0.15), 0.0, 0.6))[:, :, None]
    grain = rng.normal(0.0, float(rng.uniform(0.0, 6.0)), image.shape[:2])
    return np.asarray(paint + grain[:, :, None], np.float32)


def _colour(image: Image, corners: Array, cover: Cover, rng: Rng) -> Array:
    if cover.paint == "ground":
        left, top = np.maximum(np.floor(corners.min(axis=0)), 0).astype(int)
        right, low = np.ceil(corners.max(axis=0)).astype(int)
        # Characters cover less than half of a number.
        behind = image[top : max(low, top + 1), left : max(right, left + 1)].reshape(-1, 3)
        return np.asarray(np.median(behind, axis=0), np.float32)
    if cover.paint == "coloured":
        hue = np.array([[[int(rng.integers(180)), int(rng.integers(120, 256)), int(rng.integers(90, 256))]]], np.uint8)
        return np.asarray(cv2.cvtColor(hue, cv2.COLOR_HSV2BGR)[0, 0], np.float32)
    level = float(rng.uniform(*_LEVELS[cover.paint]))
    tint = np.array(_EARTH, np.float32) / 85.0 if cover.kind == "mud" else rng.uniform(0.92, 1.08, 3)
    return np.asarray(np.clip(level * tint, 0, 255), np.float32)
