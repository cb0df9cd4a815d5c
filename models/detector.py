"""Finds lines of text in a picture: the PP-OCRv6 detector and its differentiable-binarisation output."""

from collections.abc import Callable
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from edge.core.readings import Box
from models.pixels import Array, Image, normalised, order_corners, resized, upright_box
from models.sessions import ModelOutputError

PROBABILITY_FLOOR = 0.3
SCORE_FLOOR = 0.45
# The network marks the core of a line; area x ratio / perimeter gives back the border that it leaves out.
UNCLIP_RATIO = 1.6
MIN_SIDE_PX = 3
MAX_LINES = 200
STRIDE = 32


@dataclass(frozen=True, slots=True)
class TextLine:
    """One line: its corners clockwise from the upper left (pixels of the whole picture) and its score."""

    corners: Array
    score: float

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


def lines_of_map(probability: Array, scale_x: float, scale_y: float) -> list[TextLine]:
    """Return the lines in a probability map; scales turn its pixels into the picture's."""
    mask = (probability > PROBABILITY_FLOOR).astype(np.uint8)
    mask = cv2.dilate(mask, np.ones((2, 2), np.uint8)).astype(np.uint8)
    contours, _ = cv2.findContours(mask, cv2.RETR_LIST, cv2.CHAIN_APPROX_SIMPLE)
    lines: list[TextLine] = []
    for contour in contours[: MAX_LINES * 5]:
        (centre, (width, height), angle) = cv2.minAreaRect(contour)
        if min(width, height) < MIN_SIDE_PX:
            continue
        score = _mean_inside(probability, np.asarray(contour, np.int32))
        if score < SCORE_FLOOR:
            continue
        grow = width * height * UNCLIP_RATIO / (2 * (width + height)) * 2
        points = cv2.boxPoints((centre, (width + grow, height + grow), angle))
        corners = order_corners(np.asarray(points, np.float32) * np.array([scale_x, scale_y], np.float32))
        lines.append(TextLine(corners, score))
    lines.sort(key=lambda line: -line.width * line.height)
    return lines[:MAX_LINES]


def _mean_inside(probability: Array, contour: NDArray[np.int32]) -> float:
    x, y, width, height = cv2.boundingRect(contour)
    mask = np.zeros((height, width), np.uint8)
    cv2.fillPoly(mask, [contour - np.array([x, y], np.int32)], (1,))
    return float(cv2.mean(probability[y : y + height, x : x + width], mask)[0])


class TextDetector:
    """Finds lines with a network `run` (a `Session.run`)."""

    def __init__(self, run: Callable[[Array], Array]) -> None:
        self._run = run

    def find(self, image: Image, long_side: int) -> list[TextLine]:
        """Return lines, largest first, looked for at `long_side` pixels. Raises ModelOutputError."""
        height, width = image.shape[:2]
        look_width, look_height = input_size(width, height, long_side)
        output = self._run(normalised(resized(image, look_width, look_height)))
        if output.shape != (1, 1, look_height, look_width):
            raise ModelOutputError(f"model_output: detector answered {output.shape}")
        return lines_of_map(output[0, 0], width / look_width, height / look_height)
