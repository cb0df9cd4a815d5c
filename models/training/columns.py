"""Columns of characters as they are painted on containers, turned to the left as their reader gets them."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np

from models.pixels import Array, Image
from models.reader import CODE_CHARACTERS, LINE_HEIGHT_PX
from models.training.column_light import ground, leaning, photographed, wear
from models.training.rendering import LATIN_FONTS, installed
from models.training.text_pictures import code_text

Rng = np.random.Generator
# How long a turned column is drawn; a batch draws it together or apart.
LENGTH_PX = 416
CODE_SHARE, SIZE_TYPE_SHARE, OTHER_SHARE = 0.74, 0.08, 0.12
CODE_LENGTH = 11
# Faces of OpenCV that are drawn with one stroke, as stencils are cut.
STROKES = (cv2.FONT_HERSHEY_SIMPLEX, cv2.FONT_HERSHEY_DUPLEX)
# Characters are drawn so wide, in the middle of a strip that is wide enough for frames and neighbours.
GLYPH_WIDTH_PX, STRIP_WIDTH_PX = 30, 90
BOXED_SHARE, LABEL_SHARE, HINGE_SHARE, NEIGHBOUR_SHARE, CAB_SHARE = 0.8, 0.35, 0.25, 0.12, 0.08
SHORT_SHARE, HEADLESS_SHARE = 0.12, 0.08


@dataclass(frozen=True, slots=True)
class Column:
    """A column, upright: a picture and its characters from top to bottom."""

    image: Image
    text: str


def fonts_in(folder: Path | None) -> tuple[str, ...]:
    """Return the upright font files in `folder` and those of the system; '' is the built-in one."""
    more = () if folder is None else tuple(str(file) for file in sorted(folder.rglob("*.ttf")))
    leaning_ones = ("Italic", "Oblique", "Thin", "Serif", "Mono")
    return (*installed(LATIN_FONTS), *(name for name in more if not any(word in name for word in leaning_ones)))


class ColumnPainter:
    """Draws one column after the other; the same generator gives the same columns on the same fonts."""

    def __init__(self, rng: Rng, fonts: Sequence[str], photographs: Sequence[Image]) -> None:
        self._rng = rng
        self._faces = [cv2.FontFace(name or "sans") for name in fonts]
        self._photographs = photographs
        self._glyphs: dict[tuple[int, str], Image] = {}

    def next(self) -> Column:
        """Return a column: a code, a size and type, other characters, or nothing at all."""
        text = self._text()
        mask, steel = self._mask(text)
        return Column(self._seen(mask, steel), text)

    def _text(self) -> str:
        rng = self._rng
        draw = rng.random()
        code, size_type = code_text(rng)
        if draw < CODE_SHARE:
            part = rng.random()
            if part < SHORT_SHARE:
                return code[: int(rng.integers(4, CODE_LENGTH))]
            return code[int(rng.integers(1, 8)) :] if part < SHORT_SHARE + HEADLESS_SHARE else code
        if draw < CODE_SHARE + SIZE_TYPE_SHARE:
            return size_type
        if draw < CODE_SHARE + SIZE_TYPE_SHARE + OTHER_SHARE:
            places = rng.integers(0, len(CODE_CHARACTERS), int(rng.integers(3, 12)))
            return "".join(CODE_CHARACTERS[int(place)] for place in places)
        return ""

    def _glyph(self, face: int, character: str) -> Image:
        known = self._glyphs.get((face, character))
        if known is not None:
            return known
        mask = np.zeros((120, 120), np.uint8)
        if face < len(self._faces):
            weight = (400, 600, 800)[face % 3]
            cv2.putText(mask, character, (20, 95), (255,), self._faces[face], 90, weight)
        else:
            stroke = STROKES[(face - len(self._faces)) % len(STROKES)]
            cv2.putText(mask, character, (20, 95), stroke, 3.0, (255,), 5 + 2 * (face % 4), cv2.LINE_AA)
        rows, columns = np.flatnonzero(mask.any(axis=1)), np.flatnonzero(mask.any(axis=0))
        glyph = mask[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1] if len(rows) else mask[:60, :20]
        self._glyphs[face, character] = np.asarray(glyph, np.uint8)
        return self._glyphs[face, character]

    def _mask(self, text: str) -> tuple[Image, Image]:
        """Return the characters of `text` under each other, in one face, and where it is no steel (0 to 255).

        Both are STRIP_WIDTH_PX wide and as long as the strip that a reader gets is in their scale.
        """
        rng = self._rng
        face = int(rng.integers(len(self._faces) + 6))
        high = round(GLYPH_WIDTH_PX * float(rng.uniform(1.1, 2.2)))
        gap = round(high * float(rng.uniform(0.08, 0.6)))
        spread = round(high * float(rng.uniform(0.0, 1.3))) if rng.random() < 0.7 else 0
        full = float(rng.uniform(0.8, 1.0))
        stroke = int(rng.integers(-9, 10))
        first = len(text) if len(text) <= CODE_LENGTH // 2 else len(text) - 7
        pieces: list[Image] = []
        for index, character in enumerate(text):
            boxed = index == len(text) - 1 and index > 4 and rng.random() < BOXED_SHARE
            if len(text) > 5 and index in (first, len(text) - 1):
                pieces.append(np.zeros((spread, STRIP_WIDTH_PX), np.uint8))
            cell = self._cell(_bolder(self._glyph(face, character), stroke), high, full)
            pieces += [self._framed(cell) if boxed else cell, np.zeros((gap, STRIP_WIDTH_PX), np.uint8)]
        block = np.concatenate(pieces) if pieces else np.zeros((high, STRIP_WIDTH_PX), np.uint8)
        room = self._room(len(text), len(block))
        before = round(room * float(rng.beta(1.2, 1.2)))
        mask = np.zeros((len(block) + room, STRIP_WIDTH_PX), np.uint8)
        mask[before : before + len(block)] = block
        other = np.zeros_like(mask)
        self._beside(mask, other, (before, before + len(block) - gap), high)
        return mask, other

    def _room(self, characters: int, taken: int) -> int:
        """Return how much of the strip is empty: nearly nothing, or half as much as the characters take, or more."""
        share = float(self._rng.uniform(0.06, 0.5))
        wanted = round(taken * share / (1 - share))
        # A short column keeps its proportions.
        return wanted + max(0, CODE_LENGTH - 2 - characters) * round(taken / max(characters, 1) * 0.8)

    def _cell(self, glyph: Image, high: int, full: float) -> Image:
        tall, wide = glyph.shape
        width = max(4, min(GLYPH_WIDTH_PX, round(wide / tall * high * full))) if wide < 0.45 * tall else 0
        width = width or round(GLYPH_WIDTH_PX * full)
        cell = np.zeros((high, STRIP_WIDTH_PX), np.uint8)
        left = (STRIP_WIDTH_PX - width) // 2
        cell[:, left : left + width] = cv2.resize(glyph, (width, high), interpolation=cv2.INTER_AREA)
        return np.asarray(cell, np.uint8)

    def _framed(self, cell: Image) -> Image:
        """Return `cell` in a frame that is wider and higher than its character."""
        rng = self._rng
        high = len(cell)
        smaller = float(rng.uniform(0.75, 1.0))
        pad = round(high * float(rng.uniform(0.06, 0.3)))
        inner = cv2.resize(cell, (round(STRIP_WIDTH_PX * smaller), round(high * smaller)), interpolation=cv2.INTER_AREA)
        framed = np.zeros((inner.shape[0] + 2 * pad, STRIP_WIDTH_PX), np.uint8)
        left = (STRIP_WIDTH_PX - inner.shape[1]) // 2
        framed[pad : pad + inner.shape[0], left : left + inner.shape[1]] = inner
        side = (STRIP_WIDTH_PX - round(GLYPH_WIDTH_PX * float(rng.uniform(1.1, 1.7)))) // 2
        line, level = int(rng.integers(1, 6)), int(rng.integers(110, 256))
        frame = np.zeros_like(framed)
        corner = (STRIP_WIDTH_PX - 1 - side, framed.shape[0] - 1 - line // 2)
        cv2.rectangle(frame, (side, line // 2), corner, (level,), line)
        return np.asarray(np.maximum(framed, frame), np.uint8)

    def _beside(self, mask: Image, other: Image, taken: tuple[int, int], high: int) -> None:
        """Paint what is no character of the column: a label under it, a hinge over it, a neighbour, a cab."""
        rng = self._rng
        middle, (top, bottom) = STRIP_WIDTH_PX // 2, taken
        if rng.random() < LABEL_SHARE:
            label = self._label(high)
            begin = bottom + round(high * float(rng.uniform(0.2, 1.2)))
            left = middle - label.shape[1] // 2 + int(rng.integers(-5, 6))
            part = label[: max(0, len(mask) - begin), : STRIP_WIDTH_PX - left]
            mask[begin : begin + len(part), left : left + part.shape[1]] = part
        if rng.random() < HINGE_SHARE:
            end = top - round(high * float(rng.uniform(0.2, 1.0)))
            half = int(rng.integers(8, 30))
            if end > 4:
                begin = max(0, end - round(high * float(rng.uniform(0.5, 2.0))))
                other[begin:end, middle - half : middle + half] = int(rng.integers(80, 256))
        if rng.random() < CAB_SHARE:
            other[min(len(mask) - 1, bottom + round(high * float(rng.uniform(0.1, 0.5)))) :] = 255
        if rng.random() < NEIGHBOUR_SHARE:
            aside = round(GLYPH_WIDTH_PX * float(rng.uniform(1.25, 1.9))) * (1 if rng.random() < 0.5 else -1)
            moved = np.roll(np.roll(mask, aside, axis=1), int(rng.integers(-high, high)), axis=0)
            edge = middle + np.sign(aside) * round(GLYPH_WIDTH_PX * 0.75)
            side = slice(edge, None) if aside > 0 else slice(None, edge)
            mask[:, side] = np.maximum(mask[:, side], moved[:, side])

    def _label(self, high: int) -> Image:
        """Return a sign of two or three small rows in a frame, as customs and railways paint them."""
        rng = self._rng
        size = (round(GLYPH_WIDTH_PX * float(rng.uniform(0.9, 1.6))), round(high * float(rng.uniform(0.6, 1.3))))
        label = np.zeros((size[1], size[0]), np.uint8)
        rows = int(rng.integers(1, 4))
        for row in range(rows):
            text = ("IC", "CN", "GB", "01", "70", "33", "CSC", "22G1")[int(rng.integers(8))]
            glyphs = np.hstack([cv2.resize(self._glyph(0, one), (20, 30)) for one in text])
            box = (max(4, size[0] - 10), max(4, size[1] // rows - 6))
            part = cv2.resize(glyphs, box, interpolation=cv2.INTER_AREA)
            begin = 4 + row * (size[1] // rows)
            part = part[: max(0, size[1] - begin)]
            label[begin : begin + len(part), 5 : 5 + box[0]] = part[:, : size[0] - 5]
        if rng.random() < 0.7:
            cv2.rectangle(label, (1, 1), (size[0] - 2, size[1] - 2), (230,), int(rng.integers(1, 4)))
        return np.asarray(label if rng.random() < 0.7 else 255 - label, np.uint8)

    def _seen(self, mask: Image, other: Image) -> Image:
        """Return the column as a camera sees it: on its ground, bent by the lens, cut out with room at the sides."""
        rng = self._rng
        height, width = len(mask), round(GLYPH_WIDTH_PX / float(rng.uniform(0.42, 0.95)))
        aside = float(rng.normal(0, 0.1)) * GLYPH_WIDTH_PX
        lens = leaning(height, width, STRIP_WIDTH_PX / 2 + aside, GLYPH_WIDTH_PX, rng)
        mask = np.asarray(cv2.remap(mask, *lens, cv2.INTER_LINEAR), np.uint8)
        other = np.asarray(cv2.remap(other, *lens, cv2.INTER_NEAREST), np.uint8) if other.any() else other[:, :width]
        steel = ground(height, width, self._photographs, rng)
        brightness = float(steel.mean())
        light = brightness + (1 if brightness < 130 else -1) * float(rng.uniform(30, 150))
        strength = mask.astype(np.float32)[:, :, None] * (wear(rng, height, width) / 255.0)
        picture = steel + (np.clip(light + rng.normal(0, 8, 3), 0, 255).astype(np.float32) - steel) * strength
        if other.any():
            cover = other.astype(np.float32)[:, :, None] / 255.0
            picture = picture * (1 - cover) + rng.uniform(0, 255, 3).astype(np.float32) * cover
        # What the characters themselves are wide: as narrow as seven pixels.
        seen_width = float(np.exp(rng.uniform(np.log(7.0), np.log(30.0)))) * width / GLYPH_WIDTH_PX
        return photographed(picture, seen_width, rng)


def _bolder(glyph: Image, more: int) -> Image:
    """Return `glyph` with strokes so many pixels thicker, or thinner where `more` is negative."""
    if abs(more) < 2:
        return glyph
    kernel = np.ones((abs(more), abs(more)), np.uint8)
    changed = cv2.dilate(glyph, kernel) if more > 0 else cv2.erode(glyph, kernel)
    return np.asarray(changed if changed.any() else glyph, np.uint8)


def turned(column: Image, length: int = LENGTH_PX) -> Image:
    """Return an upright column turned to the left, `length` x 48: the first character is the leftmost."""
    lying: Image = np.ascontiguousarray(np.rot90(column))
    smaller = lying.shape[1] > length and lying.shape[0] > LINE_HEIGHT_PX
    way = cv2.INTER_AREA if smaller else cv2.INTER_LINEAR
    return np.asarray(cv2.resize(lying, (length, LINE_HEIGHT_PX), interpolation=way), np.uint8)


def as_input(pictures: Image) -> Array:
    """Return (n, 3, 48, w) between -1 and 1 for (n, 48, w, 3) pixels."""
    return np.ascontiguousarray((pictures.astype(np.float32) * (1 / 127.5) - 1.0).transpose(0, 3, 1, 2))
