"""Finds plates in a picture with their four corners: Kakou's own detector, one look of a few milliseconds."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

import numpy as np

from models.detector import TextLine, input_size
from models.lines import overlap
from models.pixels import Array, Image, normalised, reduced
from models.sessions import ModelOutputError

# The network answers for each cell of so many pixels: how surely a plate of one row and of two is centred there, and
# where its corners lie from the middle of the cell, in units of CORNER_UNIT_PX of what it sees.
CELL_PX = 8
CORNER_UNIT_PX = 32
# No corner of what is seen in a look of 1024 px is farther from a cell than this, in units of CORNER_UNIT_PX.
MOST_AWAY = 64.0
ROW_KINDS: tuple[Literal[1, 2], ...] = (1, 2)
CHANNELS = len(ROW_KINDS) + 8
SCORE_FLOOR = 0.25
MAX_PLATES = 8
# Two answers that share so much of the smaller one are one plate.
SAME_PLATE = 0.4
# Plates that are seen narrower than this are looked at closer, in a part of the picture that they fill half of.
CLOSER_BELOW_PX = 110.0
CLOSER_SIDE_PX = 224
CLOSER_SHARE = 0.5
MAX_ENLARGED = 8.0


@dataclass(frozen=True, slots=True)
class FoundPlate:
    """A plate: its corners clockwise from the upper left in pixels of the picture (`line`), rows, and score."""

    line: TextLine
    rows: Literal[1, 2]


def plates_of_cells(cells: Array, scale_x: float, scale_y: float, floor: float = SCORE_FLOOR) -> list[FoundPlate]:
    """Return the plates in the answers (CHANNELS, h, w), surest first; scales turn what was seen into the picture's.

    Cells beside the surest one of a plate are not answered. Raises ModelOutputError.
    """
    scores = 1.0 / (1.0 + np.exp(-np.clip(cells[: len(ROW_KINDS)], -30.0, 30.0)))
    best = scores.max(axis=0)
    around = np.lib.stride_tricks.sliding_window_view(np.pad(best, 1), (3, 3)).max(axis=(2, 3))
    places = np.argwhere((best >= around) & (best >= floor))
    found: list[FoundPlate] = []
    for row, column in sorted(places.tolist(), key=lambda place: -best[place[0], place[1]])[: 4 * MAX_PLATES]:
        told = cells[len(ROW_KINDS) :, row, column].reshape(4, 2)
        if float(np.abs(told).max()) > MOST_AWAY:
            raise ModelOutputError("plate_detector", "answered a corner that lies far outside of what it saw")
        offsets = told * CORNER_UNIT_PX
        middle = np.array([(column + 0.5) * CELL_PX, (row + 0.5) * CELL_PX], np.float32)
        corners = ((middle + offsets) * np.array([scale_x, scale_y], np.float32)).astype(np.float32)
        line = TextLine(corners, float(best[row, column]))
        if _is_plate(corners) and not any(overlap(line.box, other.line.box) > SAME_PLATE for other in found):
            found.append(FoundPlate(line, ROW_KINDS[int(scores[:, row, column].argmax())]))
    return found[:MAX_PLATES]


def _is_plate(corners: Array) -> bool:
    """Say whether `corners` go round an area, clockwise, without folding over."""
    steps = np.roll(corners, -1, axis=0) - corners
    turns = steps[:, 0] * np.roll(steps, -1, axis=0)[:, 1] - steps[:, 1] * np.roll(steps, -1, axis=0)[:, 0]
    return bool((turns > 1.0).all())


class PlateFinder:
    """Finds plates with a network `run` (a `Session.run`)."""

    def __init__(self, run: Callable[[Array], Array]) -> None:
        self._run = run

    def find(self, image: Image, long_side: int) -> list[FoundPlate]:
        """Return plates, surest first, looked for at `long_side` pixels. Raises ModelOutputError.

        Where one is seen small, its corners are those of a closer look.
        """
        height, width = image.shape[:2]
        scale = max(width, height) / long_side
        found = self._seen(image, long_side, 2.0)
        return [plate if plate.line.width > CLOSER_BELOW_PX * scale else self._closer(image, plate) for plate in found]

    def _seen(self, image: Image, long_side: int, max_scale: float) -> list[FoundPlate]:
        height, width = image.shape[:2]
        look_width, look_height = input_size(width, height, long_side, max_scale)
        output = self._run(normalised(reduced(image, look_width, look_height)))
        if output.shape != (1, CHANNELS, look_height // CELL_PX, look_width // CELL_PX):
            raise ModelOutputError("plate_detector", f"answered {output.shape}")
        return plates_of_cells(output[0], width / look_width, height / look_height)

    def _closer(self, image: Image, plate: FoundPlate) -> FoundPlate:
        """Return `plate` as it is seen where it fills half of the view, or as it was where nothing is seen there."""
        left, top, window = window_around(plate.line, image.shape[1], image.shape[0])
        middle = np.array(plate.line.centre)
        near: list[tuple[float, FoundPlate]] = []
        for other in self._seen(image[top : top + window[1], left : left + window[0]], CLOSER_SIDE_PX, MAX_ENLARGED):
            corners = (other.line.corners + np.array([left, top], np.float32)).astype(np.float32)
            moved = FoundPlate(TextLine(corners, max(other.line.score, plate.line.score)), other.rows)
            off = float(np.linalg.norm(np.array(moved.line.centre) - middle))
            if off < 0.5 * plate.line.width:
                near.append((off, moved))
        return min(near, key=lambda pair: pair[0])[1] if near else plate


def window_around(line: TextLine, width: int, height: int) -> tuple[int, int, tuple[int, int]]:
    """Return left, top and (width, height) of the part of a picture that `line` fills half of, inside of it."""
    wide = max(line.width, 1.6 * line.height) / CLOSER_SHARE
    size = (max(16, min(width, round(wide))), max(16, min(height, round(wide * 4 / 7))))
    x, y = line.centre
    left = int(np.clip(round(x - size[0] / 2), 0, max(0, width - size[0])))
    top = int(np.clip(round(y - size[1] / 2), 0, max(0, height - size[1])))
    return left, top, size
