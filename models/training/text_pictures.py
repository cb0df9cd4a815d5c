"""Pictures that the text detector is trained on: photographs that may be used, and codes painted on them.

What is text in a photograph a larger detector says; where a code was painted is known, and is marked as one line from
the owner's first letter to the check digit, so that the boxed digit and the gaps belong to it.
"""

import csv
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np

from edge.core.container import check_digit
from models.pixels import Array, Image, decoded
from models.training.photographs import fold_of, may_train
from models.training.rendering import LATIN_FONTS, installed
from simulators.scene import render_container

Rng = np.random.Generator
SIDE_PX = 320
FOLDERS = ("plates", "containers")
# A line is marked by its core, as the detector's own training does: the polygon less this share of its area by length.
SHRINK = 1 - 0.4**2
OWNERS = ("MSK", "TCN", "CMA", "COS", "HLX", "OOL", "TGB", "FCI", "BMO", "SEG", "TEM", "CAI", "EIS", "YML", "DFS")
PHOTOGRAPH, PAINTED_SHARE = 0.45, 0.80
_LETTERS = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
# The teacher: (height, width, 3) pixels to a map of the same height and width, 0 to 1.
Teacher = Callable[[Image], Array]


@dataclass(frozen=True, slots=True)
class Example:
    """One picture of SIDE_PX and where text is in it (0 to 255)."""

    image: Image
    text: Image


def usable_photographs(folder: Path, folds: int, left_out: int, *, rest: bool = False) -> list[Image]:
    """Return the scenes and containers that may be trained on, without those of one fold, or the `rest`: those alone.

    Raises OSError, KeyError.
    """
    found: list[Image] = []
    for name in FOLDERS:
        with (folder / name / "labels.csv").open(encoding="utf-8", newline="") as file:
            rows = list(csv.DictReader(file))
        # There are few photographs of containers: each counts for four.
        times = 4 if name == "containers" else 1
        for place, row in enumerate(rows):
            if may_train(row["licence"]) and (fold_of(place, folds) == left_out) is rest:
                image = decoded((folder / name / "images" / row["image"]).read_bytes())
                found += [image] * times if image is not None else []
    return found


def code_text(rng: Rng) -> tuple[str, str]:
    """Return a container code with its check digit, and a size and type."""
    letters = "".join(_LETTERS[int(i)] for i in rng.integers(0, 26, 3))
    owner = OWNERS[int(rng.integers(len(OWNERS)))] if rng.random() < 0.6 else letters
    stem = f"{owner}U{int(rng.integers(1_000_000)):06d}"
    return f"{stem}{check_digit(stem)}", ("22G1", "45G1", "42G1", "45R1", "22R1")[int(rng.integers(5))]


@dataclass(frozen=True, slots=True)
class _Block:
    """A mask of painted text, and the boxes (left, top, right, bottom) of its lines."""

    mask: Image
    lines: list[tuple[int, int, int, int]]


class PicturePainter:
    """Draws one example after the other from the photographs and a generator."""

    def __init__(self, rng: Rng, photographs: list[Image], teacher: Teacher) -> None:
        self._rng = rng
        self._photographs = photographs
        self._teacher = teacher
        self._faces = [cv2.FontFace(name or "sans") for name in installed(LATIN_FONTS)]

    def next(self) -> Example:
        """Return an example."""
        draw = self._rng.random()
        marks = np.zeros((SIDE_PX, SIDE_PX), np.uint8)
        if draw < PHOTOGRAPH:
            image = self._lit(self._cut(self._photograph()))
        elif draw < PAINTED_SHARE:
            image = self._cut(self._photograph())
            image = self._lit(self._painted(image, marks))
        else:
            code, size_type = code_text(self._rng)
            seed = int(self._rng.integers(1 << 30))
            image = self._lit(self._cut(render_container([code], [size_type], seed)))
        seen = np.clip(self._teacher(image) * 255.0, 0, 255).astype(np.uint8)
        return Example(image, np.maximum(seen, marks))

    def _photograph(self) -> Image:
        return self._photographs[int(self._rng.integers(len(self._photographs)))]

    def _cut(self, image: Image) -> Image:
        """Return a square of `image` at about the scale that the detector sees it in."""
        rng = self._rng
        long_side = float(rng.uniform(400, 1000))
        scale = min(long_side / max(image.shape[:2]), 2.0)
        small = cv2.resize(image, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA)
        height, width = small.shape[:2]
        canvas = np.full((max(height, SIDE_PX), max(width, SIDE_PX), 3), 127, np.uint8)
        canvas[:height, :width] = small
        top = int(rng.integers(canvas.shape[0] - SIDE_PX + 1))
        left = int(rng.integers(canvas.shape[1] - SIDE_PX + 1))
        return canvas[top : top + SIDE_PX, left : left + SIDE_PX].copy()

    def _lit(self, image: Image) -> Image:
        rng = self._rng
        values = (image.astype(np.float32) - 128.0) * rng.uniform(0.6, 1.2) + 128.0 + rng.uniform(-30, 30)
        values += rng.normal(0.0, rng.uniform(0.0, 6.0), values.shape)
        lit = np.clip(values, 0, 255).astype(np.uint8)
        if rng.random() < 0.25:
            lit = cv2.GaussianBlur(lit, (0, 0), float(rng.uniform(0.3, 1.0))).astype(np.uint8)
        return np.asarray(lit, np.uint8)

    def _painted(self, image: Image, marks: Image) -> Image:
        """Return `image` with a code on corrugated paint, and mark its lines in `marks`."""
        rng = self._rng
        block = self._block()
        height, width = block.mask.shape
        high = float(rng.uniform(0.25, 0.95)) if height > width else float(rng.uniform(0.08, 0.4))
        scale = min(SIDE_PX * high / height, SIDE_PX * 0.95 / width)
        size = np.array([width, height]) * scale
        place = rng.uniform(0.0, 1.0, 2) * (SIDE_PX - size)
        corners = np.array([[0, 0], [width, 0], [width, height], [0, height]], np.float32)
        seen = corners * scale + place + rng.normal(0.0, 0.02 * float(size.min()), (4, 2))
        lean = rng.normal(0.0, 0.06) * size[0]
        seen[1:3, 1] += lean
        matrix = cv2.getPerspectiveTransform(corners, seen.astype(np.float32))
        ground = image.astype(np.float32)
        if rng.random() < 0.8:
            patch = cv2.warpPerspective(
                self._ground(height, width), matrix, (SIDE_PX, SIDE_PX), borderValue=(-1.0, -1.0, -1.0)
            )
            ground = np.where(patch >= 0, patch, ground)
        mask = cv2.warpPerspective(block.mask, matrix, (SIDE_PX, SIDE_PX), flags=cv2.INTER_AREA)
        strength = (mask.astype(np.float32) / 255.0 * rng.uniform(0.6, 1.0))[:, :, None]
        level = 235.0 if ground[mask > 0].mean() < 150 or not mask.any() else 25.0
        for line in block.lines:
            polygon = cv2.perspectiveTransform(_core(line)[None], matrix)
            cv2.fillPoly(marks, [np.round(polygon[0]).astype(np.int32)], (255,))
        return np.asarray(np.clip(ground * (1 - strength) + level * strength, 0, 255), np.uint8)

    def _ground(self, height: int, width: int) -> Array:
        """Return painted steel: one colour, folds that run down it."""
        rng = self._rng
        paint = rng.uniform(20, 200, 3).astype(np.float32)
        phase = np.arange(width, dtype=np.float32) / float(rng.uniform(40, 160)) * 2 * np.pi
        folds = np.clip(np.sin(phase) * 2.0, -1, 1) * float(rng.uniform(0, 25))
        plane = np.broadcast_to(paint, (height, width, 3)) + folds[None, :, None]
        return np.asarray(np.clip(plane, 0, 255), np.float32)

    def _block(self) -> _Block:
        """Return a code in one to three rows, or in a column, with size and type beside or under it."""
        rng = self._rng
        code, size_type = code_text(rng)
        kind = rng.random()
        if kind < 0.40:
            return self._column([code], size_type)
        if kind < 0.75:
            return self._rows([f"{code[:4]} {code[4:10]} {code[10]}", size_type])
        if kind < 0.9:
            return self._rows([code[:4], f"{code[4:10]} {code[10]}", size_type])
        return self._rows([code[:4], code[4:7], f"{code[7:10]} {code[10]}", size_type])

    def _glyph(self, text: str, face: cv2.FontFace, weight: int) -> Image:
        mask = np.zeros((72, 60 * len(text) + 20), np.uint8)
        cv2.putText(mask, text, (8, 62), (255,), face, 64, weight)
        rows, columns = np.flatnonzero(mask.any(axis=1)), np.flatnonzero(mask.any(axis=0))
        if not len(rows):
            return np.zeros((48, 20), np.uint8)
        return np.asarray(mask[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1], np.uint8)

    def _rows(self, texts: list[str]) -> _Block:
        rng = self._rng
        face, weight = self._faces[int(rng.integers(len(self._faces)))], int(rng.integers(400, 800))
        pieces = [self._glyph(text, face, weight) for text in texts if text]
        gap = int(rng.integers(14, 50))
        width = max(piece.shape[1] for piece in pieces) + 40
        mask = np.zeros((sum(piece.shape[0] + gap for piece in pieces) + 40, width), np.uint8)
        lines, top = [], 20
        for piece in pieces:
            height, wide = piece.shape
            mask[top : top + height, 20 : 20 + wide] = piece
            lines.append((14, top - 6, 26 + wide, top + height + 6))
            if rng.random() < 0.4 and piece is pieces[0]:
                cv2.rectangle(mask, (20 + wide - 46, top - 8), (20 + wide + 8, top + height + 8), (150,), 3)
            top += height + gap
        return _Block(mask, lines)

    def _column(self, codes: list[str], size_type: str) -> _Block:
        rng = self._rng
        face, weight = self._faces[int(rng.integers(len(self._faces)))], int(rng.integers(400, 800))
        gap, cell = int(rng.integers(8, 36)), 52
        beside = [size_type] if rng.random() < 0.6 else []
        columns = [*codes, *beside]
        height = max(len(text) for text in columns) * (cell + gap) + 2 * cell + 40
        mask = np.zeros((height, len(columns) * 110 + 20), np.uint8)
        lines = []
        spread = int(rng.integers(0, 40))
        for place, text in enumerate(columns):
            left, top = 30 + place * 110, 20
            for index, character in enumerate(text):
                if len(text) > 4 and index in (4, 10):
                    top += spread
                piece = self._glyph(character, face, weight)
                tall, wide = piece.shape
                wide = min(wide, 54)
                mask[top : top + tall, left + (54 - wide) // 2 : left + (54 - wide) // 2 + wide] = piece[:, :wide]
                top += cell + gap
            lines.append((left - 6, 12, left + 60, top - gap + 6))
        return _Block(mask, lines)


def _core(line: tuple[int, int, int, int]) -> Array:
    left, top, right, bottom = line
    width, height = right - left, bottom - top
    inset = width * height * SHRINK / (2 * (width + height))
    return np.array(
        [
            [left + inset, top + inset],
            [right - inset, top + inset],
            [right - inset, bottom - inset],
            [left + inset, bottom - inset],
        ],
        np.float32,
    )
