"""Lines of plates from labelled photographs, those alone whose licence allows training."""

import csv
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np

from edge.core.readings import Box
from models.pixels import Image, decoded
from models.training.rendering import Line

# The words of `licence` in labels.csv that allow training; whatever else stands there does not.
ALLOWED = ("Apache-2.0", "MIT")
CROPS = "plate_crops_ccpd"
SCENES = "plates"
# Quarters of the photographs, and the one that all shipped weights left out (docs/decisions/0032).
FOLDS, LEFT_OUT = 4, 0
_CONTEXT = 0.5
# Boxes of these repositories give the centre of a plate, those of all others its upper left corner.
CENTRED = ("liuruoze/EasyPR",)


@dataclass(frozen=True, slots=True)
class Photograph:
    """One labelled line of a photograph, the fold that it is left out of, and whether it is from a whole scene."""

    line: Line
    fold: int
    scene: bool


def may_train(licence: str) -> bool:
    """Say whether a row with this `licence` may be trained on; doubt (`stated in README`, `none`) means no."""
    return licence.startswith(ALLOWED) and "stated in README" not in licence


def fold_of(place: int, folds: int) -> int:
    """Return the fold of the row at `place`: neighbours, which may be of one vehicle, stay together."""
    return place // 8 % folds


def photographs(folder: Path, folds: int) -> list[Photograph]:
    """Return the lines of `folder` that may be trained on. Raises OSError and KeyError where it is not as described."""
    found: list[Photograph] = []
    for place, row in enumerate(rows_of(folder / CROPS)):
        image = image_of(folder / CROPS, row) if may_train(row["licence"]) else None
        if image is not None:
            found.append(Photograph(_whole(image, row["plate"]), fold_of(place, folds), False))
    for place, row in enumerate(rows_of(folder / SCENES)):
        image = image_of(folder / SCENES, row) if may_train(row["licence"]) and row["boxes_xywh"] else None
        if image is not None:
            found += [Photograph(line, fold_of(place, folds), True) for line in _boxed(image, row)]
    return found


def rows_of(folder: Path) -> list[dict[str, str]]:
    """Return the rows of `labels.csv` in `folder`. Raises OSError."""
    with (folder / "labels.csv").open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def image_of(folder: Path, row: dict[str, str]) -> Image | None:
    """Return the picture of `row`, None where it cannot be decoded. Raises OSError."""
    return decoded((folder / "images" / row["image"]).read_bytes())


def _whole(image: Image, text: str) -> Line:
    height, width = image.shape[:2]
    corners = np.array([[0, 0], [width, 0], [width, height], [0, height]], np.float32)
    return Line(image, corners, text)


def boxes_of(row: dict[str, str]) -> list[Box]:
    """Return the boxes (left, top, width, height) of a row."""
    found: list[Box] = []
    for box in row["boxes_xywh"].split(";"):
        x, y, width, height = (int(float(part)) for part in box.split(","))
        if row["repo"] in CENTRED:
            x, y = x - width // 2, y - height // 2
        found.append((x, y, width, height))
    return found


def _boxed(image: Image, row: dict[str, str]) -> list[Line]:
    """Return the plates in one row of a scene: one box a plate, in the order of `all_plates`; narrow ones left out."""
    boxes = boxes_of(row)
    texts = row["all_plates"].split("|")
    if len(boxes) != len(texts):
        return []
    lines: list[Line] = []
    for (left, top, width, height), text in zip(boxes, texts, strict=True):
        if width < 2.2 * height or height < 8:
            continue
        spare_x, spare_y = round(width * _CONTEXT / 2), round(height * _CONTEXT)
        x, y = max(0, left - spare_x), max(0, top - spare_y)
        cut = image[y : top + height + spare_y, x : left + width + spare_x].copy()
        corners = np.array(
            [[left, top], [left + width, top], [left + width, top + height], [left, top + height]], np.float32
        )
        lines.append(Line(cut, corners - np.array([x, y], np.float32), text))
    return lines


def without_plates(folder: Path, folds: int, left_out: int) -> list[Image]:
    """Return the scenes that may be trained on, their plates painted over. Raises OSError and KeyError."""
    scenes: list[Image] = []
    for place, row in enumerate(rows_of(folder / SCENES)):
        usable = may_train(row["licence"]) and row["boxes_xywh"] and fold_of(place, folds) != left_out
        image = image_of(folder / SCENES, row) if usable else None
        if image is not None and min(image.shape[:2]) >= 60:
            for left, top, width, height in boxes_of(row):
                cv2.rectangle(image, (left, top), (left + width, top + height), (90, 90, 90), -1)
            scenes.append(image)
    return scenes
