"""Scenes with plates as batches: drawn and seen once, into files, and what the detector is to answer to each.

What the first half of the network makes of a picture does not change while the second learns: it is kept, so that a
step costs a third.
"""

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from models.pixels import Array, normalised
from models.plate_finder import CELL_PX, CORNER_UNIT_PX, ROW_KINDS
from models.training.plate_scenes import HEIGHT_PX, NARROWEST_PX, WIDTH_PX, Ground, Scene, ScenePainter
from models.training.rendering import Line

Rng = np.random.Generator
BATCH = 8
# Cells (width, height) of what a batch shows: all of a view, or a part of it, for which a step costs two thirds.
PARTS = ((WIDTH_PX // CELL_PX, HEIGHT_PX // CELL_PX), (40, 32), (40, 32))
# What the first half of the network makes of (1, 3, h, w): (1, c, h / 8, w / 8).
Front = Callable[[Array], Array]
# Photographs to paint on, lines of photographed plates to paint with, and where fonts lie.
Material = tuple[Sequence[Ground], Sequence[Line], Path]
# Corners (n, 4, 2) and rows of the plates in a scene or view, and which corners are those of the box around a plate.
Plates = tuple[Array, tuple[int, ...], tuple[bool, ...]]
# How wide the centre of a plate is in its length and height, and the least of it in cells.
ALONG, OVER, LEAST_CELLS = 0.10, 0.20, 0.55
# Corners are learnt where a cell is as near to the centre as this.
CORNERS_FLOOR = 0.25
# A plate of which the edge of the picture cuts more of its width is not asked for.
CUT_SHARE = 0.12


@dataclass(frozen=True, slots=True)
class PlateBatch:
    """What the first half of the network made of pictures (n, c, h, w), and what is wanted of each of these cells.

    `centres` (n, kinds, h, w) 0 to 1, 1 in the one cell of the centre; `counted` (n, 1, h, w) 0 where nothing is asked;
    `corners` (n, 8, h, w) as the finder answers them, and `weight` (n, 2, h, w) how much they count, and the box around
    them.
    """

    pictures: Array
    centres: Array
    counted: Array
    corners: Array
    weight: Array


class PaintedScenes:
    """Scenes in two files, so that they are drawn once for many runs: pixels, and where plates are."""

    def __init__(self, pixels: NDArray[np.uint8], plates: Sequence[Plates]) -> None:
        self._pixels = pixels
        self._plates = plates

    def __len__(self) -> int:
        return len(self._plates)

    def __getitem__(self, place: int) -> Scene:
        return Scene(np.asarray(self._pixels[place], np.uint8), *self._plates[place])

    @classmethod
    def open(cls, folder: Path, count: int, seed: int, material: Callable[[], Material]) -> "PaintedScenes":
        """Return `count` scenes drawn from `seed`, from `folder` where they lie already.

        `material` is asked for where they do not. Raises OSError.
        """
        folder.mkdir(parents=True, exist_ok=True)
        pixels, plates = (folder / f"painted-{seed}-{count}.{suffix}" for suffix in ("npy", "json"))
        if not plates.is_file():
            painter = ScenePainter(np.random.default_rng(seed), *material())
            unfinished = folder / f"unfinished-{seed}-{count}.npy"
            shape = (count, HEIGHT_PX, WIDTH_PX, 3)
            space = np.lib.format.open_memmap(unfinished, mode="w+", dtype=np.uint8, shape=shape)
            written = []
            for place in range(count):
                scene = painter.next()
                space[place] = scene.image
                written.append([scene.corners.tolist(), scene.rows, scene.boxed])
            space.flush()
            unfinished.replace(pixels)
            plates.write_text(json.dumps(written), encoding="utf-8")
        return cls(np.load(pixels, mmap_mode="r"), _plates_in(plates))


class SeenViews:
    """Views of scenes in two files: what the first half of the network made of them, and the plates."""

    def __init__(self, cells: NDArray[np.float16], plates: Sequence[Plates]) -> None:
        self._cells = cells
        self._plates = plates

    def __len__(self) -> int:
        return len(self._plates)

    def part(self, place: int, left: int, top: int, size: tuple[int, int]) -> tuple[Array, Plates]:
        """Return `size` cells of the view at `place` from cell (`left`, `top`), and the plates as they stand there."""
        across, down = size
        cells = self._cells[place, :, top : top + down, left : left + across].astype(np.float32)
        corners, rows, boxed = self._plates[place]
        corners = corners - np.array([left, top], np.float32) * CELL_PX
        return cells, (corners, whole_rows(corners, rows, (across * CELL_PX, down * CELL_PX)), boxed)

    @classmethod
    def open(cls, folder: Path, count: int, seed: int, scenes: PaintedScenes, front: Front) -> "SeenViews":
        """Return `count` views drawn from `seed`, from `folder` where they lie already. Raises OSError."""
        cells, plates = (folder / f"seen-{seed}-{count}.{suffix}" for suffix in ("npy", "json"))
        if not plates.is_file():
            rng = np.random.default_rng(seed)
            unfinished = folder / f"unfinished-{seed}-{count}.npy"
            space: NDArray[np.float16] | None = None
            written = []
            for place in range(count):
                view = moved(scenes[place % len(scenes)], rng)
                made = front(normalised(view.image))[0]
                if space is None:
                    shape = (count, *made.shape)
                    space = np.lib.format.open_memmap(unfinished, mode="w+", dtype=np.float16, shape=shape)
                space[place] = made
                written.append([view.corners.tolist(), view.rows, view.boxed])
            unfinished.replace(cells)
            plates.write_text(json.dumps(written), encoding="utf-8")
        return cls(np.load(cells, mmap_mode="r"), _plates_in(plates))


def _plates_in(file: Path) -> list[Plates]:
    return [
        (np.array(corners, np.float32).reshape(-1, 4, 2), tuple(rows), tuple(boxed))
        for corners, rows, boxed in json.loads(file.read_text("utf-8"))
    ]


class PlateBatches:
    """An endless row of batches; the same generator gives the same ones."""

    def __init__(self, rng: Rng, views: SeenViews) -> None:
        self._rng = rng
        self._views = views

    def next(self) -> PlateBatch:
        """Return the next batch."""
        rng = self._rng
        size = PARTS[int(rng.integers(len(PARTS)))]
        spare = (PARTS[0][0] - size[0], PARTS[0][1] - size[1])
        cells, wanted = [], []
        for place in rng.integers(0, len(self._views), BATCH):
            left, top = (int(rng.integers(most + 1)) for most in spare)
            seen, plates = self._views.part(int(place), left, top, size)
            cells.append(seen)
            wanted.append(asked(size, *plates))
        parts = (np.stack(part).astype(np.float32) for part in zip(*wanted, strict=True))
        return PlateBatch(np.stack(cells), *parts)


def moved(scene: Scene, rng: Rng) -> Scene:
    """Return `scene` a little nearer or further, elsewhere in the picture, in other light."""
    size = (WIDTH_PX, HEIGHT_PX)
    scale = float(rng.uniform(0.85, 1.15))
    shift = np.array(size) * (1 - scale) * rng.uniform(0.0, 1.0, 2) + rng.uniform(-16, 16, 2)
    matrix = np.array([[scale, 0, shift[0]], [0, scale, shift[1]]], np.float32)
    border = cv2.BORDER_CONSTANT if rng.random() < 0.5 else cv2.BORDER_REPLICATE
    image = cv2.warpAffine(scene.image, matrix, size, borderMode=border)
    gain = (rng.uniform(0.8, 1.2) * rng.uniform(0.92, 1.08, 3)).astype(np.float32)
    lit = np.clip(image.astype(np.float32) * gain + np.float32(rng.uniform(-15, 15)), 0, 255).astype(np.uint8)
    corners = (scene.corners * scale + shift.astype(np.float32)).astype(np.float32)
    return Scene(np.asarray(lit, np.uint8), corners, whole_rows(corners, scene.rows, size), scene.boxed)


def whole_rows(corners: Array, rows: tuple[int, ...], size: tuple[int, int]) -> tuple[int, ...]:
    """Return `rows`, 0 for plates that are too small in a picture of `size` pixels or cut by its edge."""
    cut = [float(np.abs(np.clip(quad, 0, size) - quad).max()) > CUT_SHARE * np.ptp(quad[:, 0]) for quad in corners]
    small = [float(np.ptp(quad[:, 0])) < NARROWEST_PX for quad in corners]
    return tuple(0 if lost or tiny else kind for kind, lost, tiny in zip(rows, cut, small, strict=True))


def asked(
    size: tuple[int, int], corners: Array, rows: tuple[int, ...], boxed: tuple[bool, ...]
) -> tuple[Array, Array, Array, Array]:
    """Return what is wanted of `size` cells: centres, counted, corners, weight (see PlateBatch)."""
    across, down = size
    centres = np.zeros((len(ROW_KINDS), down, across), np.float32)
    counted = np.ones((1, down, across), np.float32)
    offsets = np.zeros((8, down, across), np.float32)
    weight = np.zeros((2, down, across), np.float32)
    y, x = np.mgrid[0:down, 0:across].astype(np.float32) * CELL_PX + CELL_PX / 2
    for quad, kind, is_boxed in zip(corners, rows, boxed, strict=True):
        middle = quad.mean(axis=0)
        if kind == 0:
            _leave_out(counted, quad)
            continue
        near = _nearness(quad, x - middle[0], y - middle[1])
        column, line = int(middle[0] // CELL_PX), int(middle[1] // CELL_PX)
        if not (0 <= column < across and 0 <= line < down):
            continue
        near[line, column] = 1.0
        channel = kind - 1
        centres[channel] = np.maximum(centres[channel], near)
        nearer = (near > weight.max(axis=0)) & (near > CORNERS_FLOOR)
        places = np.stack([x, y])
        for corner, point in enumerate(quad):
            for axis in (0, 1):
                offset = (point[axis] - places[axis]) / CORNER_UNIT_PX
                offsets[2 * corner + axis][nearer] = offset[nearer]
        weight[:, nearer] = 0.0
        weight[int(is_boxed)][nearer] = near[nearer]
    return centres, counted, offsets, weight


def _nearness(quad: Array, right: Array, down: Array) -> Array:
    """Return how near each cell (`right`, `down` of the middle) is to the middle of a plate, 0 to 1."""
    along = (quad[1] - quad[0] + quad[2] - quad[3]) / 2
    over = (quad[3] - quad[0] + quad[2] - quad[1]) / 2
    length, height = (float(np.linalg.norm(side)) for side in (along, over))
    unit = along / max(length, 1e-6)
    far = right * unit[0] + down * unit[1]
    aside = -right * unit[1] + down * unit[0]
    spread_along = max(ALONG * length, LEAST_CELLS * CELL_PX)
    spread_over = max(OVER * height, LEAST_CELLS * CELL_PX)
    return np.asarray(np.exp(-0.5 * ((far / spread_along) ** 2 + (aside / spread_over) ** 2)), np.float32)


def _leave_out(counted: Array, quad: Array) -> None:
    (left, top), (right, bottom) = quad.min(axis=0) // CELL_PX, quad.max(axis=0) // CELL_PX
    counted[0, max(0, int(top) - 1) : max(0, int(bottom) + 2), max(0, int(left) - 1) : max(0, int(right) + 2)] = 0.0
