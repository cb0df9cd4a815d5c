"""Judges a plate reader as the lane would use it: on photographs by set, on rendered plates by class and confidence."""

import csv
import hashlib
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from models.colours import plate_colour
from models.detector import TextLine
from models.looks import Looks
from models.pixels import Image, decoded
from models.plate_looks import split_rows
from models.plates import CROP_FLOOR, plates_of
from models.reader import LineReader
from models.registry import ModelEntry
from models.sessions import Session
from models.training.photographs import fold_of
from models.training.rendered_sets import plates

GATE_CROPS = "plate_crops_gate"
BINS = 10


@dataclass(slots=True)
class Answers:
    """What was answered to lines with a known text: how often right, and with which confidence."""

    exact: int = 0
    wrong: int = 0
    unread: int = 0
    given: list[tuple[float, bool]] = field(default_factory=list)
    misread: Counter[tuple[str, str]] = field(default_factory=Counter)

    def add(self, truth: str, answer: str, confidence: float) -> None:
        """Count one line; `answer` is '' where there was none."""
        if not answer:
            self.unread += 1
            return
        self.given.append((confidence, answer == truth))
        if answer == truth:
            self.exact += 1
        else:
            self.wrong += 1
            self.misread[truth, answer] += 1

    def summary(self) -> dict[str, float]:
        """Return n, exact, wrong, unread."""
        total = self.exact + self.wrong + self.unread
        return {"n": total, "exact": self.exact, "wrong": self.wrong, "unread": self.unread}


@dataclass(frozen=True, slots=True)
class Bin:
    """Answers of about one confidence: how many, how sure they are on average, which share of them is right."""

    answers: int
    mean: float
    right: float


def reliability(given: Sequence[tuple[float, bool]]) -> list[Bin]:
    """Return BINS of equal width, from 0 to 1, for (confidence, right); 0.0 stands where a bin is empty."""
    places = [min(BINS - 1, int(confidence * BINS)) for confidence, _ in given]
    bins: list[Bin] = []
    for wanted in range(BINS):
        part = [pair for pair, place in zip(given, places, strict=True) if place == wanted]
        mean, right = (float(np.mean([pair[which] for pair in part])) if part else 0.0 for which in (0, 1))
        bins.append(Bin(len(part), mean, right))
    return bins


def calibration_error(given: Sequence[tuple[float, bool]]) -> float:
    """Return the expected calibration error of (confidence, right) over ten bins of equal width (0.0 for none)."""
    return sum(one.answers / len(given) * abs(one.mean - one.right) for one in reliability(given)) if given else 0.0


def floor_for(given: Iterable[tuple[float, bool]], answers: int, wrong_in: int) -> float:
    """Return the least confidence from which at most one in `wrong_in` of all `answers` lines is wrong."""
    allowed = answers // wrong_in
    wrong = sorted((confidence for confidence, right in given if not right), reverse=True)
    return wrong[allowed] if len(wrong) > allowed else 0.0


def reader_of(onnx_file: Path) -> LineReader:
    """Return a reader with the network in `onnx_file`. Raises ModelError."""
    digest = hashlib.sha256(onnx_file.read_bytes()).hexdigest()
    path = str(onnx_file.resolve())
    session = Session(ModelEntry("judged", "", "", "", path, digest, "", ""))
    return LineReader(session.run, session.metadata["character"].removesuffix("\n").split("\n"))


def read_crop(reader: LineReader, image: Image) -> tuple[str, float]:
    """Return the plate of one row or two that fills `image` and the confidence, ('', 0.0) for none.

    By this reader alone, in one look.
    """
    looks = Looks(image, reader)
    height, width = image.shape[:2]
    whole = TextLine(np.array([[0, 0], [width, 0], [width, height], [0, height]], np.float32), 1.0)
    for lines in ([whole], list(split_rows(whole) or ())):
        found = plates_of([looks.read(line) for line in lines], lambda _: plate_colour(image), CROP_FLOOR)
        if found:
            return found[0].plate.text, found[0].confidence
    return "", 0.0


def on_crops(reader: LineReader, folder: Path, folds: int = 1, fold: int = 0) -> Answers:
    """Read the crops of `folder` that belong to `fold`. Raises OSError."""
    answers = Answers()
    with (folder / "labels.csv").open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    for place, row in enumerate(rows):
        if fold_of(place, folds) == fold:
            image = decoded((folder / "images" / row["image"]).read_bytes())
            answer = ("", 0.0) if image is None else read_crop(reader, image)
            answers.add(row["plate"], *answer)
    return answers


def on_rendered(reader: LineReader, count: int, seed: int) -> dict[str, Answers]:
    """Read `count` rendered plates by this reader alone, class by class. Never the lines of training."""
    by_class: dict[str, Answers] = {}
    for drawn in plates(count, seed):
        by_class.setdefault(drawn.group, Answers()).add(drawn.truth, *read_crop(reader, drawn.image))
    return by_class


def joined(parts: Iterable[Answers]) -> Answers:
    """Return all answers as one."""
    whole = Answers()
    for part in parts:
        whole.exact += part.exact
        whole.wrong += part.wrong
        whole.unread += part.unread
        whole.given += part.given
        whole.misread.update(part.misread)
    return whole
