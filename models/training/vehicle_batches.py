"""What the finder of vehicles is trained on: scenes drawn once into files, and what is asked of each cell.

A network that knows trucks, cars and buses (the one that training begins with) says where those are in photographs:
what it is sure of is asked for, what it half sees is neither asked for nor held against anybody.
"""

import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from models.pixels import Array, Image, decoded, normalised
from models.training.augment import blurred, lit, noisy, packed
from models.training.container_faces import Labelled, Rng, photographed_faces
from models.training.container_scenes import SIZES_PX, Marked, YardPainter, YardScene, view_of
from models.vehicle_finder import CELLS_PX, LABELS, boxes_of_cells, middles_and_cells, vehicles_of_cells

# Of scenes this share is a photograph as it is, and of these a third one of a container.
PHOTOGRAPHS, OF_CONTAINERS = 0.2, 0.33
SURE, HALF_SURE = 0.4, 0.08
KNOWN = LABELS[:3]
BATCH = 16
NEAREST_CELLS = 9
ANCHOR_CELLS = 5.0
CONTAINER_FIRST = 1.25
NOTHING = -1
KEPT_QUALITY = 95
LOT = 200
Run = Callable[[Array], Array]


@dataclass(frozen=True, slots=True)
class Wanted:
    """What is asked of the cells of a view: the label of each (NOTHING), its box, and which labels do not count."""

    labels: NDArray[np.int64]
    boxes: Array
    free: NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class VehicleBatch:
    """Pictures (n, 3, h, w) and what is asked of their cells: labels (n, c), boxes (n, c, 4), free (n, labels, c)."""

    pictures: Array
    labels: NDArray[np.int64]
    boxes: Array
    free: NDArray[np.bool_]


def wanted_of(marks: Sequence[Marked], size: tuple[int, int]) -> Wanted:
    """Return what is asked of the cells of a view of `size`: of each thing the cells nearest to its middle (ATSS)."""
    middles, sides = middles_and_cells(*size)
    count = len(middles)
    labels = np.full(count, NOTHING, np.int64)
    boxes = np.zeros((count, 4), np.float32)
    free = np.zeros((len(LABELS), count), np.bool_)
    best = np.zeros(count, np.float32)
    half = sides * ANCHOR_CELLS / 2
    anchors = np.concatenate([middles - half, middles + half], axis=1)
    for mark in marks:
        box = np.array(mark.box, np.float32)
        inside = _inside(middles, mark)
        if not mark.asked:
            free[LABELS.index(mark.label)] |= inside
            continue
        shared = _shared(anchors, box)
        near = _nearest(middles, sides, np.asarray((box[:2] + box[2:]) / 2, np.float32))
        chosen = near[shared[near] >= shared[near].mean() + shared[near].std()]
        chosen = chosen[inside[chosen]]
        if len(chosen) == 0 and inside.any():
            chosen = near[inside[near]][:1]
        # A truck is seen by its cab and wheels as well, a container by nothing else.
        claim = shared * (CONTAINER_FIRST if mark.label == "container" else 1.0)
        better = chosen[claim[chosen] >= best[chosen]]
        labels[better], boxes[better], best[better] = LABELS.index(mark.label), box, claim[better]
    taken = labels != NOTHING
    free[:, taken] = False
    return Wanted(labels, boxes, free)


def _inside(middles: Array, mark: Marked) -> NDArray[np.bool_]:
    """Say of each of `middles` whether it lies in the box of `mark`."""
    left, top, right, bottom = mark.box
    x, y = middles[:, 0], middles[:, 1]
    return np.asarray((x > left) & (x < right) & (y > top) & (y < bottom), np.bool_)


def _nearest(middles: Array, sides: Array, middle: Array) -> NDArray[np.int64]:
    """Return the places of the cells of each size that are nearest to `middle`."""
    away = ((middles - middle) ** 2).sum(axis=1)
    found: list[NDArray[np.int64]] = []
    for cell in CELLS_PX:
        places = np.flatnonzero(sides[:, 0] == cell)
        found.append(places[np.argsort(away[places], kind="stable")][:NEAREST_CELLS])
    return np.concatenate(found)


def _shared(anchors: Array, box: Array) -> Array:
    width = np.minimum(anchors[:, 2], box[2]) - np.maximum(anchors[:, 0], box[0])
    height = np.minimum(anchors[:, 3], box[3]) - np.maximum(anchors[:, 1], box[1])
    both = np.clip(width, 0, None) * np.clip(height, 0, None)
    areas = (anchors[:, 2] - anchors[:, 0]) * (anchors[:, 3] - anchors[:, 1])
    whole = areas + (box[2] - box[0]) * (box[3] - box[1]) - both
    return np.asarray(both / np.maximum(whole, 1e-6), np.float32)


class SceneSource:
    """Draws scenes: rendered ones, photographs of containers that were marked, and photographs without any."""

    def __init__(self, rng: Rng, scenes: Sequence[Image], containers: Sequence[Labelled], knows: Run) -> None:
        """`knows` is a network that knows trucks, cars and buses."""
        self._rng = rng
        self._scenes = scenes
        self._containers = containers
        self._knows = knows
        self._painter = YardPainter(rng, scenes, photographed_faces(list(containers)))

    def next(self, size: tuple[int, int]) -> tuple[YardScene, Wanted]:
        """Return a scene of `size` and what is asked of it."""
        if self._scenes and self._rng.random() < PHOTOGRAPHS:
            scene = self._photograph(size)
            certain: tuple[Marked, ...] = ()
        else:
            scene = self._painter.next(size)
            certain = scene.marks
        cells = self._knows(normalised(scene.image))[0]
        marks = (*scene.marks, *_told(cells, size, scene.marks))
        wanted = wanted_of(marks, size)
        scores, _ = boxes_of_cells(cells, *size)
        middles, _ = middles_and_cells(*size)
        outside = np.ones(len(middles), np.bool_)
        for mark in certain:
            outside &= ~_inside(middles, mark)
        free = wanted.free.copy()
        free[: len(KNOWN)] |= (scores[: len(KNOWN)] > HALF_SURE) & outside & (wanted.labels == NOTHING)
        return YardScene(scene.image, marks), Wanted(wanted.labels, wanted.boxes, free)

    def _photograph(self, size: tuple[int, int]) -> YardScene:
        rng = self._rng
        marks: list[Marked] = []
        if self._containers and rng.random() < OF_CONTAINERS:
            photograph = self._containers[int(rng.integers(len(self._containers)))]
            image, matrix = view_of(photograph.image, rng, size)
            for what, corners in photograph.marks:
                if what in LABELS:
                    marks += _marked(what, corners @ matrix[:, :2].T + matrix[:, 2], size)
        else:
            image, _ = view_of(self._scenes[int(rng.integers(len(self._scenes)))], rng, size)
        if rng.random() < 0.6:
            image = noisy(blurred(lit(image, rng), rng, sharp=False), rng, sharp=False)
        return YardScene(packed(image, int(rng.integers(40, 96))), tuple(marks))


def _marked(what: str, corners: Array, size: tuple[int, int]) -> list[Marked]:
    """Return the mark of what stands between `corners`, where enough of it is in the picture."""
    low, high = corners.min(axis=0), corners.max(axis=0)
    left, top = np.clip(low, 0, size)
    right, bottom = np.clip(high, 0, size)
    share = (right - left) * (bottom - top) / max(1.0, float(np.prod(high - low)))
    box = (float(left), float(top), float(right), float(bottom))
    return [Marked(what, box, bool(share > 0.25))] if share > 0.02 else []


def _told(cells: Array, size: tuple[int, int], marks: Sequence[Marked]) -> list[Marked]:
    """Return what the network that knows trucks, cars and buses is sure of, outside of `marks`."""
    told: list[Marked] = []
    for found in vehicles_of_cells(cells, size, size, SURE):
        x, y, width, height = found.box
        middle = (x + width / 2, y + height / 2)
        apart = all(not (m.box[0] < middle[0] < m.box[2] and m.box[1] < middle[1] < m.box[3]) for m in marks)
        if found.label in KNOWN and apart:
            told.append(Marked(found.label, (float(x), float(y), float(x + width), float(y + height))))
    return told


class DrawnScenes:
    """Scenes in a folder, one file each, of one size in turn."""

    def __init__(self, files: dict[tuple[int, int], list[Path]]) -> None:
        self._files = files

    @classmethod
    def open(cls, folder: Path, count: int, seed: int, source: Callable[[Rng], SceneSource]) -> "DrawnScenes":
        """Return `count` scenes of `folder`, drawing those that are not there. Raises OSError."""
        folder.mkdir(parents=True, exist_ok=True)
        files: dict[tuple[int, int], list[Path]] = {size: [] for size in SIZES_PX}
        # Painted containers are used again within so many scenes: a lot is drawn by one generator.
        for first in range(0, count, LOT):
            places = range(first, min(count, first + LOT))
            paths = [folder / f"{seed}-{place:06d}.npz" for place in places]
            if not all(path.is_file() for path in paths):
                drawing = source(np.random.default_rng([seed, first]))
                for place, path in zip(places, paths, strict=True):
                    _keep(path, *drawing.next(SIZES_PX[place % len(SIZES_PX)]))
                sys.stderr.write(f"scenes: {first + len(paths)} of {count}\n")
                sys.stderr.flush()
            for place, path in zip(places, paths, strict=True):
                files[SIZES_PX[place % len(SIZES_PX)]].append(path)
        return cls(files)

    def batch(self, rng: Rng, count: int = BATCH) -> VehicleBatch:
        """Return `count` scenes of one size, drawn by `rng`."""
        sizes = [size for size, paths in self._files.items() if paths]
        paths = self._files[sizes[int(rng.integers(len(sizes)))]]
        kept = [_kept(paths[int(place)]) for place in rng.integers(len(paths), size=count)]
        pictures = np.concatenate([normalised(image) for image, _ in kept])
        return VehicleBatch(
            pictures,
            np.stack([wanted.labels for _, wanted in kept]),
            np.stack([wanted.boxes for _, wanted in kept]),
            np.stack([wanted.free for _, wanted in kept]),
        )


def _keep(path: Path, scene: YardScene, wanted: Wanted) -> None:
    _, content = cv2.imencode(".jpg", scene.image, [cv2.IMWRITE_JPEG_QUALITY, KEPT_QUALITY])
    unfinished = path.with_suffix(".unfinished.npz")
    np.savez(
        unfinished,
        content=np.asarray(content, np.uint8),
        labels=wanted.labels.astype(np.int8),
        boxes=wanted.boxes.astype(np.float16),
        free=np.packbits(wanted.free),
    )
    unfinished.replace(path)


def _kept(path: Path) -> tuple[Image, Wanted]:
    with np.load(path) as kept:
        image = decoded(kept["content"].tobytes())
        labels = kept["labels"].astype(np.int64)
        bits = np.unpackbits(kept["free"])[: len(LABELS) * len(labels)]
        boxes = kept["boxes"].astype(np.float32)
    if image is None:
        raise ValueError(f"expected a scene, got {path.name}")
    return image, Wanted(labels, boxes, bits.reshape(len(LABELS), -1).astype(np.bool_))
