"""Mixes photographs, rendered plates and what is no plate into batches."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from models.pixels import Array, Image
from models.reader import COLUMN
from models.training.augment import seen
from models.training.rendering import FONTS, HEIGHT_PX, WIDTH_PX, Line, LinePainter, line_corners
from models.training.repaint import Repainter, Template

Rng = np.random.Generator
# Of 64 lines: photographs, photographs with another province, other text, backgrounds; the rest are rendered plates.
REAL, REPAINTED, OTHER, BACKGROUND = 12, 8, 3, 3
BATCH = 64
# Lines are 440 x 140 mm of a plate, more or less: the reader gets them between these widths.
WIDTHS_PX = (136, 152, 160, 168, 184, 200)


@dataclass(frozen=True, slots=True)
class Batch:
    """Pictures (n, 3, 48, w) between -1 and 1, the columns of their texts one after the other, and their lengths."""

    pictures: Array
    columns: NDArray[np.int64]
    lengths: NDArray[np.int64]


class RenderedLines:
    """Rendered lines in two files, so that they are drawn once for many runs: pixels and texts."""

    def __init__(self, pixels: NDArray[np.uint8], texts: Sequence[str]) -> None:
        self._pixels = pixels
        self._texts = texts
        self._corners = line_corners()

    def __len__(self) -> int:
        return len(self._texts)

    def __getitem__(self, place: int) -> Line:
        return Line(np.asarray(self._pixels[place], np.uint8), self._corners, self._texts[place])

    @classmethod
    def open(cls, folder: Path, count: int, seed: int, fonts: Path = FONTS) -> "RenderedLines":
        """Return `count` lines drawn from `seed`, from `folder` where they lie already. Raises OSError."""
        folder.mkdir(parents=True, exist_ok=True)
        pixels = folder / f"lines-{seed}-{count}.npy"
        texts = folder / f"lines-{seed}-{count}.txt"
        if not texts.is_file():
            painter = LinePainter(np.random.default_rng(seed), fonts)
            unfinished = folder / f"unfinished-{seed}-{count}.npy"
            space = np.lib.format.open_memmap(
                unfinished, mode="w+", dtype=np.uint8, shape=(count, HEIGHT_PX, WIDTH_PX, 3)
            )
            written: list[str] = []
            for place in range(count):
                line = painter.plate()
                space[place] = line.image
                written.append(line.text)
            space.flush()
            unfinished.replace(pixels)
            texts.write_text("\n".join(written) + "\n", encoding="utf-8")
        return cls(np.load(pixels, mmap_mode="r"), texts.read_text("utf-8").splitlines())


class Batches:
    """An endless row of batches; the same generator gives the same ones."""

    def __init__(
        self,
        rng: Rng,
        rendered: RenderedLines,
        photographs: Sequence[Line],
        templates: Sequence[Template],
        scenes: Sequence[Image],
        fonts: Path = FONTS,
    ) -> None:
        """`scenes` are photographs without plates: pieces of them are read as nothing."""
        self._rng = rng
        self._rendered = rendered
        self._photographs = photographs
        self._templates = templates
        self._scenes = scenes
        self._repainter = Repainter(rng, fonts)
        self._painter = LinePainter(rng, fonts)

    def next(self) -> Batch:
        """Return the next batch."""
        width = int(self._rng.choice(WIDTHS_PX))
        real = REAL if self._photographs else 0
        empty = BACKGROUND if self._scenes else 0
        lines = [(self._photograph(), False) for _ in range(real)]
        lines += [(self._repainted(), False) for _ in range(REPAINTED if self._templates else 0)]
        lines += [(self._painter.other(), True) for _ in range(OTHER)]
        lines += [(self._background(), False) for _ in range(empty)]
        places = self._rng.integers(0, len(self._rendered), BATCH - len(lines))
        lines += [(self._rendered[int(place)], True) for place in places]
        pictures = np.stack([seen(line.image, line.corners, width, self._rng, sharp=sharp) for line, sharp in lines])
        texts = [[COLUMN[character] for character in line.text] for line, _ in lines]
        return Batch(
            np.ascontiguousarray((pictures.astype(np.float32) / 127.5 - 1.0).transpose(0, 3, 1, 2)),
            np.array([column for text in texts for column in text], np.int64),
            np.array([len(text) for text in texts], np.int64),
        )

    def _photograph(self) -> Line:
        return self._photographs[int(self._rng.integers(len(self._photographs)))]

    def _repainted(self) -> Line:
        return self._repainter.painted(self._templates[int(self._rng.integers(len(self._templates)))])

    def _background(self) -> Line:
        rng = self._rng
        scene = self._scenes[int(rng.integers(len(self._scenes)))]
        height, width = scene.shape[:2]
        tall = int(rng.integers(10, max(11, min(60, height // 3))))
        wide = min(width, int(tall * rng.uniform(2.5, 4.5)))
        top, left = int(rng.integers(0, height - tall)), int(rng.integers(0, width - wide + 1))
        cut = np.asarray(cv2.resize(scene[top : top + tall, left : left + wide], (WIDTH_PX, HEIGHT_PX)), np.uint8)
        return Line(cut, line_corners(), "")
