"""Columns of characters as they are painted on containers, turned to the left as their reader gets them."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np

from models.pixels import Array, Image
from models.reader import CODE_CHARACTERS, COLUMN, LINE_HEIGHT_PX
from models.training.batches import Batch
from models.training.rendering import LATIN_FONTS, installed
from models.training.text_pictures import code_text

Rng = np.random.Generator
BATCH = 32
# Lengths of what the reader gets: a column is drawn together to half its length (models.columns.TURNED_SHARE).
WIDTHS_PX = (352, 416, 480, 544)
CODE_SHARE, SIZE_TYPE_SHARE, OTHER_SHARE = 0.72, 0.10, 0.12
# Faces of OpenCV that are drawn with one stroke, as stencils are cut.
STROKES = (cv2.FONT_HERSHEY_SIMPLEX, cv2.FONT_HERSHEY_DUPLEX)
GLYPH_WIDTH_PX = 40
BOXED_SHARE, LABEL_SHARE = 0.75, 0.25


@dataclass(frozen=True, slots=True)
class Column:
    """A column, upright: a picture and its characters from top to bottom."""

    image: Image
    text: str


def fonts_in(folder: Path | None) -> tuple[str, ...]:
    """Return the upright font files in `folder` and those of the system; '' is the built-in one."""
    more = () if folder is None else tuple(str(file) for file in sorted(folder.rglob("*.ttf")))
    leaning = ("Italic", "Oblique", "Thin", "Serif", "Mono")
    return (*installed(LATIN_FONTS), *(name for name in more if not any(word in name for word in leaning)))


class ColumnPainter:
    """Draws one column after the other; the same generator gives the same columns on the same fonts."""

    def __init__(self, rng: Rng, fonts: Sequence[str], photographs: Sequence[Image]) -> None:
        self._rng = rng
        self._faces = [cv2.FontFace(name or "sans") for name in fonts]
        self._photographs = photographs
        self._glyphs: dict[tuple[int, str], Image] = {}

    def next(self) -> Column:
        """Return a column: a code, a size and type, other characters, or nothing at all."""
        rng = self._rng
        draw = rng.random()
        code, size_type = code_text(rng)
        if draw < CODE_SHARE:
            text = code if rng.random() < 0.85 else code[: int(rng.integers(4, 11))]
        elif draw < CODE_SHARE + SIZE_TYPE_SHARE:
            text = size_type
        elif draw < CODE_SHARE + SIZE_TYPE_SHARE + OTHER_SHARE:
            places = rng.integers(0, len(CODE_CHARACTERS), int(rng.integers(3, 12)))
            text = "".join(CODE_CHARACTERS[int(place)] for place in places)
        else:
            text = ""
        return Column(self._seen(self._mask(text)), text)

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

    def _mask(self, text: str) -> Image:
        """Return the characters of `text` under each other, in one face, with the gaps that painters leave."""
        rng = self._rng
        face = int(rng.integers(len(self._faces) + 4))
        high = round(GLYPH_WIDTH_PX * float(rng.uniform(1.15, 2.1)))
        gap = round(high * float(rng.uniform(0.1, 0.6)))
        spread = round(high * float(rng.uniform(0.0, 1.3))) if rng.random() < 0.7 else 0
        full = float(rng.uniform(0.85, 1.0))
        pieces: list[Image] = [np.zeros((round(high * float(rng.uniform(0.1, 1.6))), GLYPH_WIDTH_PX), np.uint8)]
        for index, character in enumerate(text):
            if len(text) > 6 and index in (4, 10):
                pieces.append(np.zeros((spread, GLYPH_WIDTH_PX), np.uint8))
            pieces.append(self._cell(self._glyph(face, character), high, full, boxed=index == 10))
            pieces.append(np.zeros((gap, GLYPH_WIDTH_PX), np.uint8))
        pieces.append(np.zeros((round(high * float(rng.uniform(0.1, 1.6))), GLYPH_WIDTH_PX), np.uint8))
        mask = np.concatenate(pieces)
        if rng.random() < LABEL_SHARE:
            # A label, a hinge, the edge of the roof: above or below the characters stands something that is none.
            tall = round(min(len(pieces[0]), high) * 0.8)
            mask[:tall] = rng.integers(0, 2, (1, GLYPH_WIDTH_PX)) * int(rng.integers(60, 256))
        return mask

    def _cell(self, glyph: Image, high: int, full: float, *, boxed: bool) -> Image:
        tall, wide = glyph.shape
        width = max(4, min(GLYPH_WIDTH_PX, round(wide / tall * high * full))) if wide < 0.45 * tall else 0
        width = width or round(GLYPH_WIDTH_PX * full)
        cell = np.zeros((high, GLYPH_WIDTH_PX), np.uint8)
        left = (GLYPH_WIDTH_PX - width) // 2
        cell[:, left : left + width] = cv2.resize(glyph, (width, high), interpolation=cv2.INTER_AREA)
        if boxed and self._rng.random() < BOXED_SHARE:
            pad = round(high * float(self._rng.uniform(0.1, 0.3)))
            cell = np.pad(cell, ((pad, pad), (0, 0)))
            level, stroke = int(self._rng.integers(110, 256)), int(self._rng.integers(1, 4))
            cv2.rectangle(cell, (0, 1), (GLYPH_WIDTH_PX - 1, cell.shape[0] - 2), (level,), stroke)
        return np.asarray(cell, np.uint8)

    def _seen(self, mask: Image) -> Image:
        """Return the column as a camera sees it: on its ground, cut with room at the sides, small, blurred, noisy."""
        rng = self._rng
        left, right = (round(GLYPH_WIDTH_PX * float(rng.uniform(0.0, 0.45))) for _ in range(2))
        mask = np.pad(mask, ((0, 0), (left, right)))
        mask = _leaning(mask, rng)
        height, width = mask.shape
        ground = self._ground(height, width)
        brightness = float(ground.mean())
        light = brightness + (1 if brightness < 130 else -1) * float(rng.uniform(35, 150))
        strength = mask.astype(np.float32)[:, :, None] / 255.0 * _wear(rng, height, width)
        picture = ground * (1 - strength) + np.clip(light + rng.normal(0, 8, 3), 0, 255) * strength
        seen_width = int(np.exp(rng.uniform(np.log(10), np.log(48))))
        scale = seen_width / width
        small = cv2.resize(
            picture.astype(np.float32), (seen_width, max(24, round(height * scale))), interpolation=cv2.INTER_AREA
        )
        if rng.random() < 0.5:
            small = cv2.GaussianBlur(small, (0, 0), float(rng.uniform(0.3, 1.1)))
        small = (small - 128.0) * float(rng.uniform(0.35, 1.2)) + 128.0 + float(rng.uniform(-50, 40))
        small = small + rng.normal(0.0, float(rng.uniform(0.0, 7.0)), small.shape)
        seen = np.clip(small, 0, 255).astype(np.uint8)
        if rng.random() < 0.5:
            _, data = cv2.imencode(".jpg", seen, [cv2.IMWRITE_JPEG_QUALITY, int(rng.integers(40, 95))])
            seen = np.asarray(cv2.imdecode(data, cv2.IMREAD_COLOR), np.uint8)
        return np.asarray(seen, np.uint8)

    def _ground(self, height: int, width: int) -> Array:
        """Return painted steel whose folds run along the column, or a piece of a photograph."""
        rng = self._rng
        if self._photographs and rng.random() < 0.3:
            photograph = self._photographs[int(rng.integers(len(self._photographs)))]
            tall = int(rng.integers(20, photograph.shape[0]))
            wide = max(4, min(photograph.shape[1] - 1, tall * width // height))
            top = int(rng.integers(0, photograph.shape[0] - tall + 1))
            left = int(rng.integers(0, photograph.shape[1] - wide))
            piece = cv2.resize(photograph[top : top + tall, left : left + wide], (width, height))
            return np.asarray(piece, np.float32)
        paint = rng.uniform(20, 210, 3)
        across = np.zeros(width, np.float32)
        for _ in range(int(rng.integers(0, 3))):
            edge = int(rng.integers(-width // 4, width + width // 4))
            soft = float(rng.uniform(1.0, width * 0.15))
            across += float(rng.normal(0, 22)) / (1 + np.exp(-(np.arange(width) - edge) / soft))
        down = cv2.resize(rng.normal(0, 10, (5, 1)).astype(np.float32), (1, height), interpolation=cv2.INTER_CUBIC)
        return np.asarray(np.clip(paint + across[None, :, None] + down[:, :, None], 0, 255), np.float32)


def _leaning(mask: Image, rng: Rng) -> Image:
    """Return `mask` leaning a little and bent, as a lens bends the side of a picture."""
    height, width = mask.shape
    rows, columns = np.mgrid[0:height, 0:width].astype(np.float32)
    lean = float(rng.normal(0, 0.07)) * width
    bend = float(rng.normal(0, 0.06)) * width
    along = rows / height - 0.5
    columns = columns + lean * along * 2 + bend * (along**2 * 4 - 0.3)
    # A fold under a column draws its characters aslant.
    rows = rows + float(rng.normal(0, 0.08)) * (columns - width / 2)
    return np.asarray(cv2.remap(mask, columns, rows, cv2.INTER_LINEAR), np.uint8)


def _wear(rng: Rng, height: int, width: int) -> Array:
    """Return how much of the paint is left, 0 to 1, pixel by pixel."""
    coarse = rng.normal(0.95, 0.12, (max(2, height // 20), max(2, width // 12))).astype(np.float32)
    worn = cv2.resize(coarse, (width, height), interpolation=cv2.INTER_LINEAR)
    return np.asarray(np.clip(worn, 0.2, 1.0) * float(rng.uniform(0.7, 1.0)), np.float32)[:, :, None]


def turned(column: Image, width: int) -> Image:
    """Return an upright column turned to the left, `width` x 48: the first character is the leftmost."""
    lying: Image = np.ascontiguousarray(np.rot90(column))
    wanted = round(lying.shape[1] * LINE_HEIGHT_PX / lying.shape[0] / 2)
    if wanted < width * 0.8:
        # A short one keeps its proportions: what is above and below it goes on.
        more = round((width / max(wanted, 1) - 1) * lying.shape[1] / 2)
        lying = np.asarray(cv2.copyMakeBorder(lying, 0, 0, more // 2, more // 2, cv2.BORDER_REPLICATE), np.uint8)
    return np.asarray(cv2.resize(lying, (width, LINE_HEIGHT_PX), interpolation=cv2.INTER_AREA), np.uint8)


class ColumnBatches:
    """An endless row of batches of columns."""

    def __init__(self, rng: Rng, painter: ColumnPainter) -> None:
        self._rng = rng
        self._painter = painter

    def next(self) -> Batch:
        """Return the next batch."""
        width = int(self._rng.choice(WIDTHS_PX))
        columns = [self._painter.next() for _ in range(BATCH)]
        pictures = np.stack([turned(column.image, width) for column in columns])
        return Batch(
            np.ascontiguousarray((pictures.astype(np.float32) / 127.5 - 1.0).transpose(0, 3, 1, 2)),
            np.array([COLUMN[character] for column in columns for character in column.text], np.int64),
            np.array([len(column.text) for column in columns], np.int64),
        )
