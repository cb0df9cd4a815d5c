"""Finds lines of text in a picture: the PP-OCRv6 detector and its differentiable-binarisation output."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from edge.core.readings import Box
from models.pixels import Array, Image, normalised, order_corners, resized, upright_box
from models.sessions import ModelOutputError, heed_shares

# The network marks the core of a line; area x ratio / perimeter gives back the border that it leaves out.
UNCLIP_RATIO = 1.6
MIN_SIDE_PX = 3
MAX_LINES = 200
STRIDE = 32
# Where along a tall line its bend is measured, 0.0 at the top; how many rows of the map count at each place.
BENT_AT = (0.12, 0.5, 0.88)
BENT_SHARE = 0.08


@dataclass(frozen=True, slots=True)
class Floors:
    """From which probability a pixel is of a line, and from which mean probability a line is one."""

    pixel: float
    line: float


PLAIN = Floors(0.3, 0.45)
# What is dark, pale or bent is marked weakly; so is much that is no text.
FAINT = Floors(0.12, 0.20)


@dataclass(frozen=True, slots=True)
class TextLine:
    """One line: its corners clockwise from the upper left (pixels of the whole picture) and its score."""

    corners: Array
    score: float
    # How far its middle line lies to the right of that of its corners at the places of BENT_AT, pixels.
    bend: tuple[float, ...] = ()

    @property
    def width(self) -> float:
        """Length of the upper side in pixels."""
        return float(np.linalg.norm(self.corners[1] - self.corners[0]))

    @property
    def height(self) -> float:
        """Length of the left side in pixels."""
        return float(np.linalg.norm(self.corners[3] - self.corners[0]))

    @property
    def centre(self) -> tuple[float, float]:
        """Centre in pixels."""
        x, y = self.corners.mean(axis=0)
        return float(x), float(y)

    @property
    def box(self) -> Box:
        """Upright box around the corners."""
        return upright_box(self.corners)


def input_size(width: int, height: int, long_side: int, max_scale: float = 2.0) -> tuple[int, int]:
    """Return the (width, height) to look at: long side `long_side`, enlarged `max_scale` at most, multiples of 32."""
    scale = min(long_side / max(width, height), max_scale)
    return (
        max(STRIDE, round(width * scale / STRIDE) * STRIDE),
        max(STRIDE, round(height * scale / STRIDE) * STRIDE),
    )


def lines_of_map(probability: Array, scale_x: float, scale_y: float, floors: Floors = PLAIN) -> list[TextLine]:
    """Return the lines in a probability map; scales turn its pixels into the picture's."""
    mask = (probability > floors.pixel).astype(np.uint8)
    mask = cv2.dilate(mask, np.ones((2, 2), np.uint8)).astype(np.uint8)
    contours, _ = cv2.findContours(mask, cv2.RETR_LIST, cv2.CHAIN_APPROX_SIMPLE)
    lines: list[TextLine] = []
    for contour in contours[: MAX_LINES * 5]:
        (centre, (width, height), angle) = cv2.minAreaRect(contour)
        if min(width, height) < MIN_SIDE_PX:
            continue
        points, left_top = np.asarray(contour, np.int32), cv2.boundingRect(contour)[:2]
        inside = _inside(points)
        score = _mean_inside(probability, inside, left_top)
        if score < floors.line:
            continue
        grow = width * height * UNCLIP_RATIO / (2 * (width + height)) * 2
        box = cv2.boxPoints((centre, (width + grow, height + grow), angle))
        corners = order_corners(np.asarray(box, np.float32))
        bend = tuple(offset * scale_x for offset in _bend(inside, left_top, corners))
        lines.append(TextLine(corners * np.array([scale_x, scale_y], np.float32), score, bend))
    lines.sort(key=lambda line: -line.width * line.height)
    return lines[:MAX_LINES]


def _inside(contour: NDArray[np.int32]) -> NDArray[np.uint8]:
    """Return the upright box around `contour`, 1 inside of it."""
    x, y, width, height = cv2.boundingRect(contour)
    mask = np.zeros((height, width), np.uint8)
    cv2.fillPoly(mask, [contour - np.array([x, y], np.int32)], (1,))
    return mask


def _mean_inside(probability: Array, inside: NDArray[np.uint8], left_top: Sequence[int]) -> float:
    (x, y), (height, width) = left_top, inside.shape
    return float(cv2.mean(probability[y : y + height, x : x + width], inside)[0])


def _bend(inside: NDArray[np.uint8], left_top: Sequence[int], corners: Array) -> tuple[float, ...]:
    """Return how far the middle of a tall line lies to the right of the middle line of its `corners` (map pixels)."""
    height, width = inside.shape
    if height < 2 * width:
        return ()
    upper, lower = corners[:2].mean(axis=0), corners[2:].mean(axis=0)
    offsets: list[float] = []
    for place in BENT_AT:
        half = max(1, round(height * BENT_SHARE))
        row = round(height * place)
        rows = inside[max(0, row - half) : row + half]
        across = float(np.nonzero(rows)[1].mean()) + left_top[0]
        down = (left_top[1] + row - upper[1]) / max(1.0, lower[1] - upper[1])
        offsets.append(across - float(upper[0] + (lower[0] - upper[0]) * down))
    return tuple(offsets)


class TextDetector:
    """Finds lines with a network `run` (a `Session.run`); remembers its maps of one picture."""

    def __init__(self, run: Callable[[Array], Array], name: str = "detector") -> None:
        self._run = run
        self._name = name
        self._image: Image | None = None
        self._maps: dict[int, Array] = {}

    def find(self, image: Image, long_side: int, floors: Floors = PLAIN) -> list[TextLine]:
        """Return lines, largest first, looked for at `long_side` pixels. Raises ModelOutputError.

        The picture that it was asked about last is not looked at again at the same size, whatever the floors.
        """
        height, width = image.shape[:2]
        if self._image is not image:
            self._image, self._maps = image, {}
        if long_side not in self._maps:
            self._maps[long_side] = self._map(image, input_size(width, height, long_side))
        probability = self._maps[long_side]
        look_height, look_width = probability.shape
        return lines_of_map(probability, width / look_width, height / look_height, floors)

    def _map(self, image: Image, size: tuple[int, int]) -> Array:
        look_width, look_height = size
        output = self._run(normalised(resized(image, look_width, look_height)))
        if output.shape != (1, 1, look_height, look_width):
            raise ModelOutputError(self._name, f"answered {output.shape}")
        heed_shares(self._name, output)
        return np.asarray(output[0, 0], np.float32)
