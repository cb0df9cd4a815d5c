r"""`python -m models.training.judge_disturbed`: judges codes on photographs that something was painted over.

    python -m models.training.judge_disturbed ../shared/real-images --step 6 --json

Every `--step`-th labelled photograph of one code (from `--first` on) is read as it is, and again where it was read:

- `bars`: with an upright bar at each tenth of its width, 5 to 20 % wide, dark, grey and bright in turn;
- `letters`: with a part of the owner's letters painted over, where a row was read;
- `drawn`, `drawn white`: with the code of another box drawn into it as a camera does, in a colour of screens, in white.

`wrong` is any other verified code than those that are painted on the box. Needs nothing of the extra `training`.
"""

import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from edge.core.readings import ContainerSighting
from models.pipeline import CONTAINER, PictureReader, load_picture_reader
from models.pixels import Image
from models.scoring import Tally, score_codes
from models.training.augment import packed
from models.training.labelled_photographs import Row, labels_of_one_code, photographs_of, published, run

Rng = np.random.Generator
TENTHS = range(1, 10)
BAR_SHARES = (0.05, 0.10, 0.20, 0.07, 0.15)
SHADES = ((30, 30, 30), (128, 128, 128), (235, 235, 235))
LETTER_COVERS = 4
# The colours of screens, blue first; and another box's code, as none of the photographs shows.
SCREEN_COLOURS = ((0, 255, 255), (0, 0, 255), (255, 255, 0), (0, 255, 0), (255, 0, 255))
WHITE = (255, 255, 255)
DRAWN_CODE = "CSQU3054383"
DRAWN_HEIGHTS_PX = (16, 34)
QUALITY = 90


@dataclass(slots=True)
class Disturbed:
    """Counts of each set, and what was answered wrongly."""

    tallies: dict[str, Tally] = field(default_factory=dict)
    wrong: list[dict[str, Any]] = field(default_factory=list)

    def add(self, name: str, row: Row, verified: Sequence[ContainerSighting], how: str) -> None:
        """Count one picture of the photograph `row`."""
        codes = sorted({sighting.container.code for sighting in verified})
        outcome = score_codes([row["code"]], codes)
        self.tallies.setdefault(name, Tally()).add(outcome)
        if outcome == "wrong":
            told = [round(sighting.confidence, 3) for sighting in verified]
            self.wrong.append({"set": name, "image": row["image"], "how": how, "codes": codes, "confidence": told})
            sys.stderr.write(f"{self.wrong[-1]}\n")

    def figures(self) -> dict[str, Any]:
        """Return the published figures."""
        return published(self.tallies, self.wrong)


def bars(image: Image, turn: int) -> Iterator[tuple[str, Image]]:
    """Yield `image` with a bar at each tenth of its width; their widths and shades begin with `turn`."""
    width = image.shape[1]
    for tenth in TENTHS:
        share, shade = BAR_SHARES[(turn + tenth) % len(BAR_SHARES)], SHADES[(2 * turn + tenth) % len(SHADES)]
        left = round((tenth / 10 - share / 2) * width)
        shown = image.copy()
        shown[:, max(0, left) : left + max(1, round(share * width))] = shade
        yield f"bar at {tenth}/10, {share}, {shade[0]}", shown


def covered_letters(image: Image, sighting: ContainerSighting, rng: Rng) -> Iterator[tuple[str, Image]]:
    """Yield `image` with a part of one of the first three letters of the row of `sighting` painted over."""
    corners = np.array(sighting.corners, np.float32)
    along, down = (corners[1] - corners[0]) / len(sighting.container.code), corners[3] - corners[0]
    for turn in range(LETTER_COVERS):
        left, top = float(rng.uniform(0.0, 2.6)), float(rng.choice((0.1, 0.1, 0.45)))
        wide, tall = float(rng.uniform(0.25, 0.6)), float(rng.choice((0.45, 0.8)))
        first = corners[0] + along * left + down * top
        area = np.array([first, first + along * wide, first + along * wide + down * tall, first + down * tall])
        shown = image.copy()
        shade = SHADES[turn % len(SHADES)]
        cv2.fillPoly(shown, [np.round(area).astype(np.int32)], shade)
        yield f"{left:.2f} {top:.2f} {wide:.2f} {tall:.2f} {shade[0]}", shown


def drawn(image: Image, colour: tuple[int, int, int], rng: Rng) -> Image:
    """Return `image` with DRAWN_CODE drawn into it, every second time with a black outline."""
    height, width = image.shape[:2]
    tall = int(rng.integers(*DRAWN_HEIGHTS_PX))
    at = int(rng.integers(0, max(1, width - 9 * tall))), int(rng.integers(tall, max(tall + 1, height - tall)))
    shown, scale, thick = image.copy(), tall / 22, max(1, tall // 12)
    if rng.random() < 0.5:
        cv2.putText(shown, DRAWN_CODE, at, cv2.FONT_HERSHEY_SIMPLEX, scale, (0, 0, 0), thick + 2, cv2.LINE_AA)
    cv2.putText(shown, DRAWN_CODE, at, cv2.FONT_HERSHEY_SIMPLEX, scale, colour, thick, cv2.LINE_AA)
    return shown


def judge(reader: PictureReader, folder: Path, step: int, first: int) -> Disturbed:
    """Return the counts on the photographs of `folder`/containers. Raises OSError, KeyError for bad labels."""
    judged = Disturbed()
    boxes = folder / "containers"
    for turn, row, image in photographs_of(boxes, labels_of_one_code(boxes)[first::step]):
        rng = np.random.default_rng(turn)
        found = _verified(reader, image)
        judged.add("as it is", row, found, "")
        for how, shown in bars(image, turn):
            judged.add("bars", row, _verified(reader, shown), how)
        if [one.container.code for one in found] == [row["code"]] and found[0].layout == "row":
            for how, shown in covered_letters(image, found[0], rng):
                judged.add("letters", row, _verified(reader, shown), how)
        colour = SCREEN_COLOURS[turn % len(SCREEN_COLOURS)]
        judged.add("drawn", row, _verified(reader, drawn(image, colour, rng)), str(colour))
        judged.add("drawn white", row, _verified(reader, drawn(image, WHITE, rng)), "white")
    return judged


def _verified(reader: PictureReader, image: Image) -> list[ContainerSighting]:
    found = reader.read(packed(image, QUALITY), frozenset({CONTAINER})).containers
    return [sighting for sighting in found if sighting.container.check == "verified"]


def main(argv: Sequence[str] | None = None) -> int:
    """Read, count, print; returns 0. Raises ModelError for models that cannot be used, OSError for files."""

    def judged(folder: Path, step: int, first: int) -> dict[str, Any]:
        return judge(load_picture_reader(), folder, step, first).figures()

    return run("judge_disturbed", __doc__, judged, argv)


if __name__ == "__main__":
    sys.exit(main())
