"""Finds vehicles and containers in a picture: Kakou's own detector, one look at a small copy."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from edge.core.readings import Box, Unread, VehicleSighting
from models.detector import input_size
from models.pixels import Array, Image, normalised, reduced
from models.sessions import ModelOutputError

CONTAINER = "container"
LABELS = ("truck", "car", "bus", CONTAINER)
# The network answers for cells of so many pixels, rows first, the finest cells first.
CELLS_PX = (8, 16, 32)
# Each distance from a cell's middle to a side is shared out over so many steps of a cell.
STEPS = 11
SIDES = 4
CHANNELS = len(LABELS) + SIDES * STEPS
# Trained at 320; where it looks at more, smaller boxes are told apart.
SIDE_PX = 416
MAX_SCALE = 2.0
# From which score on something is told (of drawn scenes 1 answer in 10 is false); above the floor a box may be there.
SCORE_FLOOR, TOLD = 0.15, 0.5
# Scores, and how many of the answers to drawn scenes that had them were right (docs/recognition.md).
CALIBRATION = (
    (0.0, 0.25, 0.35, 0.45, 0.55, 0.65, 0.75, 0.85, 1.0),
    (0.0, 0.21, 0.26, 0.39, 0.75, 0.86, 0.96, 0.98, 0.99),
)
MAX_CANDIDATES = 200
MAX_FOUND = 40
# Two answers of one label are one thing where they share so much of what both cover, or so much of the smaller one.
SAME, WITHIN = 0.5, 0.8


@dataclass(frozen=True, slots=True)
class FoundVehicle:
    """A vehicle or a container: its label, the score of the network, its box in pixels of the picture."""

    label: str
    score: float
    box: Box


def middles_and_cells(width: int, height: int) -> tuple[Array, Array]:
    """Return for each cell of a view of `width` x `height` its middle (cells, 2) and its side (cells, 1) in pixels."""
    middles: list[Array] = []
    sides: list[Array] = []
    for cell in CELLS_PX:
        y, x = np.mgrid[0 : height // cell, 0 : width // cell].astype(np.float32)
        middles.append(np.asarray((np.stack([x, y], axis=-1).reshape(-1, 2) + 0.5) * cell, np.float32))
        sides.append(np.full((middles[-1].shape[0], 1), cell, np.float32))
    return np.concatenate(middles).astype(np.float32), np.concatenate(sides).astype(np.float32)


def boxes_of_cells(cells: Array, width: int, height: int) -> tuple[Array, Array]:
    """Return scores (labels, cells) and boxes (cells, 4: left, top, right, bottom) of answers (CHANNELS, cells)."""
    scores = 1.0 / (1.0 + np.exp(-np.clip(cells[: len(LABELS)], -30.0, 30.0)))
    middles, sides = middles_and_cells(width, height)
    shared = np.exp(np.clip(cells[len(LABELS) :].reshape(SIDES, STEPS, -1), -30.0, 30.0))
    steps = np.arange(STEPS, dtype=np.float32)[None, :, None]
    away = ((shared * steps).sum(axis=1) / shared.sum(axis=1)).T * sides
    boxes = np.concatenate([middles - away[:, :2], middles + away[:, 2:]], axis=1)
    return np.asarray(scores, np.float32), np.asarray(boxes, np.float32)


def kept(scores: Array, boxes: Array) -> list[int]:
    """Return the places of those `boxes` that no surer one of `scores` covers, surest first."""
    left = [int(place) for place in np.argsort(-scores, kind="stable")]
    found: list[int] = []
    while left and len(found) < MAX_FOUND:
        best = left.pop(0)
        found.append(best)
        left = [place for place in left if not _are_one(boxes[best], boxes[place])]
    return found


def _are_one(a: Array, b: Array) -> bool:
    shared = shared_of_both(a, b)
    # What both share, from its share of what they cover together.
    both = shared * (_area(a) + _area(b)) / (1.0 + shared)
    return shared > SAME or both > WITHIN * min(_area(a), _area(b))


def _area(box: Array) -> float:
    return float((box[2] - box[0]) * (box[3] - box[1]))


def shared_of_both(a: Array, b: Array) -> float:
    """Return the area that two boxes (left, top, right, bottom) share, as a share of what they cover together."""
    width = min(float(a[2]), float(b[2])) - max(float(a[0]), float(b[0]))
    height = min(float(a[3]), float(b[3])) - max(float(a[1]), float(b[1]))
    if width <= 0.0 or height <= 0.0:
        return 0.0
    return width * height / max(_area(a) + _area(b) - width * height, 1e-6)


def vehicles_of_cells(
    cells: Array, seen: tuple[int, int], picture: tuple[int, int], floor: float = SCORE_FLOOR
) -> list[FoundVehicle]:
    """Return what answers (CHANNELS, cells) to a view of `seen` (width, height) say of `picture`, surest first."""
    scores, boxes = boxes_of_cells(cells, *seen)
    inside = boxes.clip(0.0, np.array([*seen, *seen], np.float32))
    boxes = np.asarray(inside * (np.array([*picture, *picture]) / [*seen, *seen]), np.float32)
    found: list[FoundVehicle] = []
    for label, sure in zip(LABELS, scores, strict=True):
        places = np.flatnonzero(sure >= floor)
        places = places[np.argsort(-sure[places], kind="stable")][:MAX_CANDIDATES]
        for place in kept(sure[places], boxes[places]):
            left, top, right, bottom = (round(float(value)) for value in boxes[places[place]])
            if right > left and bottom > top:
                box = (left, top, right - left, bottom - top)
                found.append(FoundVehicle(label, float(sure[places[place]]), box))
    return sorted(found, key=lambda one: -one.score)[:MAX_FOUND]


class VehicleFinder:
    """Finds vehicles and containers with a network `run` (a `Session.run`)."""

    def __init__(self, run: Callable[[Array], Array]) -> None:
        self._run = run

    def find(self, image: Image, floor: float = SCORE_FLOOR, long_side: int = SIDE_PX) -> list[FoundVehicle]:
        """Return vehicles and containers, surest first. Raises ModelOutputError."""
        height, width = image.shape[:2]
        seen = input_size(width, height, long_side, MAX_SCALE)
        output = self._run(normalised(reduced(image, *seen)))
        count = sum((seen[0] // cell) * (seen[1] // cell) for cell in CELLS_PX)
        if output.shape != (1, CHANNELS, count):
            raise ModelOutputError("vehicle_detector", f"answered {output.shape}")
        return vehicles_of_cells(output[0], seen, (width, height), floor)


def sighted(found: Sequence[FoundVehicle]) -> tuple[tuple[VehicleSighting, ...], tuple[Unread, ...]]:
    """Return what is sure enough to be told of `found`, and boxes that are half seen: `faint`, whatever they are.

    Whoever concludes that a vehicle carries nothing needs more than a detector that is not sure of its box.
    """
    told = tuple(
        VehicleSighting(one.label, round(probability(one.score), 3), one.box) for one in found if one.score >= TOLD
    )
    faint = tuple(Unread(CONTAINER, "faint", one.box) for one in found if one.label == CONTAINER and one.score < TOLD)
    return told, faint[:1]


def probability(score: float) -> float:
    """Return how probable it is that something with this score is there."""
    return float(np.interp(score, *CALIBRATION))
