r"""`python -m models.training.judge_masked`: judges what is read beside areas that are not to be read.

    python -m models.training.judge_masked ../shared/real-images --step 16 --first 3 --json

Every `--step`-th labelled photograph of one code (from `--first` on) is read:

- `as it is`; `drawn`, with another box's code drawn into it in white anywhere; `strip`, with that code in a strip of
  0.08 of its height at the lower edge, as cameras write their text;
- `drawn, masked` and `strip, masked`: the same with that area masked.

And every `--step`-th photograph of a plate that is read, with a mask that begins at each eighth of its widest plate,
from each side: `plates cut`. `wrong` is any other code than that of the photograph, any other plate than those that are
read without a mask. Needs nothing of the extra `training`.
"""

import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from edge.core.masks import Mask
from edge.core.readings import Box, PictureReading
from models.masks import Masked
from models.pipeline import CONTAINER, PLATE, PictureReader, load_picture_reader
from models.pixels import Image
from models.scoring import Tally, score_codes, score_plate
from models.training.augment import packed
from models.training.judge_disturbed import DRAWN_CODE, QUALITY, WHITE, drawn
from models.training.labelled_photographs import Row, labels_of, labels_of_one_code, photographs_of, published, run

STRIP = Mask(0.0, 0.92, 1.0, 1.0)
# What a camera draws has a soft outline; a technician leaves some room around it.
AROUND_PX = 4
EIGHTHS = range(1, 9)


class Judge:
    """Reads, counts, and keeps what was answered wrongly."""

    def __init__(self, reader: PictureReader) -> None:
        self._reader = reader
        self.tallies: dict[str, Tally] = {}
        self.wrong: list[dict[str, Any]] = []

    def code(self, name: str, row: Row, image: Image, masks: Sequence[Mask] = ()) -> None:
        """Count what is read in `image`, the photograph of `row` with something drawn into it, outside `masks`."""
        found = self._read(packed(image, QUALITY), CONTAINER, masks).containers
        codes = sorted({one.container.code for one in found if one.container.check == "verified"})
        self._count(name, row["image"], score_codes([row["code"]], codes), codes)

    def plate(self, row: Row, image: Image) -> None:
        """Count what is read of a photograph whose widest plate is cut by a mask, where one is read without."""
        whole = self._read(image, PLATE, ()).plates
        if not whole:
            return
        true = [one.plate.text for one in whole]
        for mask in cutting(max((one.box for one in whole), key=lambda box: box[2]), *image.shape[1::-1]):
            texts = [one.plate.text for one in self._read(image, PLATE, (mask,)).plates]
            self._count("plates cut", f"{row['image']} {mask}", score_plate(true[0], true, texts), texts)

    def figures(self) -> dict[str, Any]:
        """Return the published figures."""
        return published(self.tallies, self.wrong)

    def _read(self, image: Image, what: str, masks: Sequence[Mask]) -> PictureReading:
        masked = Masked(masks, *image.shape[1::-1])
        return self._reader.read(masked.painted(image), frozenset({what}), masked)

    def _count(self, name: str, image: str, outcome: Any, answers: Sequence[str]) -> None:
        self.tallies.setdefault(name, Tally()).add(outcome)
        if outcome == "wrong":
            self.wrong.append({"set": name, "image": image, "answers": list(answers)})
            sys.stderr.write(f"{self.wrong[-1]}\n")


def around(before: Image, after: Image) -> Mask:
    """Return the area in which two pictures differ, and a little more."""
    height, width = before.shape[:2]
    rows, columns = np.nonzero((before != after).any(axis=2))
    left, top = int(columns.min()) - AROUND_PX, int(rows.min()) - AROUND_PX
    right, bottom = int(columns.max()) + 1 + AROUND_PX, int(rows.max()) + 1 + AROUND_PX
    return Mask(max(0, left) / width, max(0, top) / height, min(width, right) / width, min(height, bottom) / height)


def in_strip(image: Image) -> Image:
    """Return `image` with DRAWN_CODE in white in its lowest part."""
    height = image.shape[0]
    first = round(height * STRIP.top) + 2
    shown, tall = image.copy(), max(8, (height - first) * 2 // 3)
    at = 10, height - (height - first - tall) // 2 - 2
    cv2.putText(shown, DRAWN_CODE, at, cv2.FONT_HERSHEY_SIMPLEX, tall / 22, WHITE, max(1, tall // 12), cv2.LINE_AA)
    return shown


def cutting(box: Box, width: int, height: int) -> Iterator[Mask]:
    """Yield masks that begin at each eighth of `box` and hide the picture from there: right, left, below, above it."""
    x, y, wide, high = box
    for eighth in EIGHTHS:
        right, below = (x + wide * eighth / 8) / width, (y + high * eighth / 8) / height
        left, above = (x + wide * (1 - eighth / 8)) / width, (y + high * (1 - eighth / 8)) / height
        sides = (right, 0.0, 1.0, 1.0), (0.0, 0.0, left, 1.0), (0.0, below, 1.0, 1.0), (0.0, 0.0, 1.0, above)
        yield from (Mask(*one) for one in sides if 0.0 <= one[0] < one[2] <= 1.0 and 0.0 <= one[1] < one[3] <= 1.0)


def judge(reader: PictureReader, folder: Path, step: int, first: int) -> Judge:
    """Return the counts on the photographs of `folder`. Raises OSError, KeyError for bad labels."""
    judged = Judge(reader)
    boxes, cars = folder / "containers", folder / "plates"
    for turn, row, image in photographs_of(boxes, labels_of_one_code(boxes)[first::step]):
        judged.code("as it is", row, image)
        shown, low = drawn(image, WHITE, np.random.default_rng(turn)), in_strip(image)
        for name, picture, mask in (("drawn", shown, around(image, shown)), ("strip", low, STRIP)):
            judged.code(name, row, picture)
            judged.code(f"{name}, masked", row, picture, (mask,))
    for _, row, image in photographs_of(cars, labels_of(cars)[first::step]):
        judged.plate(row, image)
    return judged


def main(argv: Sequence[str] | None = None) -> int:
    """Read, count, print; returns 0. Raises ModelError for models that cannot be used, OSError for files."""

    def judged(folder: Path, step: int, first: int) -> dict[str, Any]:
        return judge(load_picture_reader(), folder, step, first).figures()

    return run("judge_masked", __doc__, judged, argv)


if __name__ == "__main__":
    sys.exit(main())
