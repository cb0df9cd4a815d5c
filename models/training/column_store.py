r"""Rendered columns in files, drawn once for many runs, and the batches that are made of them.

    python -m models.training.column_store --seed 1 --count 24000 --data ../shared/real-images \
        --fonts FONTS --out COLUMNS

Go on with the same command where it ended: whole pieces stay. models.training.column_reader draws what is missing
itself; this command draws alone.
"""

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from models.pixels import Image, use_one_thread
from models.reader import COLUMN, LINE_HEIGHT_PX
from models.training.batches import Batch
from models.training.columns import LENGTH_PX, ColumnPainter, as_input, fonts_in, turned
from models.training.text_pictures import usable_photographs

Rng = np.random.Generator
BATCH = 32
PIECE = 1000
# Columns that are drawn where nobody says how many.
COUNT = 24_000
# How long columns are that the reader gets.
LENGTHS_PX = (240, 272, 304, 336, 368)
MOVED_PX = 5


class ColumnStore:
    """Columns turned to the left, LENGTH_PX x 48, in files of PIECE columns each, and their texts."""

    def __init__(self, pieces: Sequence[NDArray[np.uint8]], texts: Sequence[str]) -> None:
        self._pieces = pieces
        self._texts = texts

    def __len__(self) -> int:
        return len(self._texts)

    def __getitem__(self, place: int) -> tuple[Image, str]:
        return np.asarray(self._pieces[place // PIECE][place % PIECE], np.uint8), self._texts[place]

    @classmethod
    def open(cls, folder: Path) -> "ColumnStore":
        """Return what is drawn so far in `folder`. Raises OSError, and ValueError where there is nothing."""
        written = sorted(folder.glob("columns-*.txt"))
        if not written:
            raise ValueError(f"expected columns-*.txt in {folder}: draw them with models.training.column_store")
        texts = [text for file in written for text in file.read_text("utf-8").split("\n")]
        return cls([np.load(file.with_suffix(".npy"), mmap_mode="r") for file in written], texts)


def draw(folder: Path, count: int, seed: int, fonts: Sequence[str], photographs: Sequence[Image]) -> None:
    """Draw `count` columns (whole pieces) into `folder`; each piece has draws of its own, from `seed` and its number.

    Raises OSError.
    """
    folder.mkdir(parents=True, exist_ok=True)
    for piece in range(-(-count // PIECE)):
        file = folder / f"columns-{seed}-{piece:04d}.txt"
        if file.is_file():
            continue
        painter = ColumnPainter(np.random.default_rng([seed, piece]), fonts, photographs)
        pixels = np.empty((PIECE, LINE_HEIGHT_PX, LENGTH_PX, 3), np.uint8)
        texts: list[str] = []
        for place in range(PIECE):
            column = painter.next()
            pixels[place] = turned(column.image)
            texts.append(column.text)
        np.save(file.with_suffix(".npy"), pixels)
        # The texts come last: a piece that has them is whole.
        unfinished = file.with_suffix(".unfinished")
        unfinished.write_text("\n".join(texts), encoding="utf-8")
        unfinished.replace(file)


class ColumnBatches:
    """An endless row of batches of stored columns, each a little longer or shorter, moved and lit anew."""

    def __init__(self, rng: Rng, store: ColumnStore) -> None:
        self._rng = rng
        self._store = store

    def next(self) -> Batch:
        """Return the next batch."""
        rng = self._rng
        length = int(rng.choice(LENGTHS_PX))
        columns = [self._store[int(place)] for place in rng.integers(0, len(self._store), BATCH)]
        pictures = np.stack([self._moved(image, length) for image, _ in columns])
        values = as_input(pictures)
        contrast, light = rng.uniform(0.6, 1.25, (BATCH, 1, 1, 1)), rng.uniform(-0.25, 0.25, (BATCH, 1, 1, 1))
        values *= contrast.astype(np.float32)
        values += light.astype(np.float32)
        # Dark paint on a light ground and light paint on a dark one are as frequent.
        values[rng.random(BATCH) < 0.15] *= -1.0
        return Batch(
            np.clip(values, -1.0, 1.0),
            np.array([COLUMN[character] for _, text in columns for character in text], np.int64),
            np.array([len(text) for _, text in columns], np.int64),
        )

    def _moved(self, image: Image, length: int) -> Image:
        """Return `image` at the length given, cut a little otherwise at its sides."""
        cut = self._rng.integers(0, MOVED_PX, 2)
        part = image[int(cut[0]) : LINE_HEIGHT_PX - int(cut[1])]
        return np.asarray(cv2.resize(part, (length, LINE_HEIGHT_PX)), np.uint8)


def main(argv: Sequence[str] | None = None) -> int:
    """Draw the columns; returns 0. Raises OSError and KeyError for data that is not there."""
    parser = argparse.ArgumentParser(prog="python -m models.training.column_store", description=__doc__)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--count", type=int, default=COUNT)
    parser.add_argument("--data", type=Path, required=True, help="folder laid out as ../shared/real-images")
    parser.add_argument("--fonts", type=Path, help="folder with more fonts")
    parser.add_argument("--out", type=Path, required=True, help="where the columns go")
    arguments = parser.parse_args(argv)
    use_one_thread()
    photographs = usable_photographs(arguments.data, 1, -1)
    draw(arguments.out, arguments.count, arguments.seed, fonts_in(arguments.fonts), photographs)
    return 0


if __name__ == "__main__":
    sys.exit(main())
