"""Lines of plates with and without something before them, and which of their columns it hides."""

import copy
from collections.abc import Sequence
from dataclasses import dataclass, replace

import cv2
import numpy as np

from models.cover_finder import COLUMNS, LOOK_HEIGHT_PX, LOOK_WIDTH_PX
from models.pixels import Array, Image, grey, reduced
from models.training.augment import RAIN_SHARE, Sight, height_drawn, packed, taken
from models.training.covers import covered, drawn_cover
from models.training.rendering import Line, LinePainter
from models.training.texts import PlateText, plate_text

Rng = np.random.Generator
BATCH, FRESH, KEPT = 128, 32, 24_000
PHOTOGRAPH_SHARE, OTHER_SHARE = 0.45, 0.04
COVERED_SHARE, TWICE_SHARE, TEXTURED_SHARE = 0.55, 0.1, 0.2
NIGHT_SHARE, SHADOW_SHARE, PACKED_SHARE = 0.1, 0.15, 0.5
RECOLOURED_SHARE, BOLTED_SHARE, BESIDE_SHARE, SHARPENED_SHARE = 0.5, 0.4, 0.3, 0.3
NO_DOT_SHARE, PLAIN_ONE_SHARE = 0.5, 0.7
# A plate of one row, and where its seven characters of 45 mm begin: the dot stands between the second and the third.
PLATE_MM = (440.0, 140.0)
CELLS_MM = (15.5, 72.5, 151.5, 208.5, 265.5, 322.5, 379.5)
# So much of a line's width is ground on each side of the plate.
MOST_BESIDE = 0.2
# A pixel is changed where it differs by more of the line's contrast, and by more than this.
CHANGED_SHARE, CHANGED_LEVEL = 0.2, 6.0
# A column is hidden from this share of its pixels on; between the two nothing is asked.
HIDDEN_FROM, CLEAR_BELOW = 0.12, 0.03


@dataclass(frozen=True, slots=True)
class CoverBatch:
    """Pictures (n, 3, h, w), which columns are hidden (n, 1, 1, COLUMNS), and which of them are asked for."""

    pictures: Array
    hidden: Array
    counted: Array


@dataclass(frozen=True, slots=True)
class Sample:
    """One line as the finder sees it, and what is hidden in it: 1 yes, 0 no, -1 not asked."""

    image: Image
    hidden: Array


class CoverPainter:
    """Draws one sample after the other out of rendered lines and photographed ones."""

    def __init__(self, rng: Rng, painter: LinePainter, rendered: int, photographed: Sequence[Line]) -> None:
        """Draw `rendered` lines at once; they are seen often, each time otherwise."""
        self._rng = rng
        self._photographed = photographed
        self._rendered = [self._drawn(painter) for _ in range(rendered)]

    def _drawn(self, painter: LinePainter) -> Line:
        draw = self._rng.random()
        if draw < OTHER_SHARE:
            return painter.other()
        # One row; or the whole of a plate of two, seen too flat; or one of its rows.
        if draw < 0.4:
            return painter.plate()
        number = plate_text(self._rng)
        return stencilled(painter.whole(number), number, self._rng)

    def next(self) -> Sample:
        """Return another sample."""
        rng = self._rng
        photograph = bool(self._photographed) and rng.random() < PHOTOGRAPH_SHARE
        lines = self._photographed if photograph else self._rendered
        line = lines[int(rng.integers(len(lines)))]
        line = varied(line, rng, photograph=photograph)
        clear = before = shadowed(line, rng) if rng.random() < SHADOW_SHARE else line.image
        if rng.random() < COVERED_SHARE:
            for _ in range(2 if rng.random() < TWICE_SHARE else 1):
                cover = drawn_cover(rng)
                if cover.paint == "ground" and rng.random() < 0.5:
                    # Seldom: what no pixel tells of is a gap like that of a narrow character.
                    cover = replace(cover, paint="grey")
                cover = replace(cover, width=cover.width * float(rng.uniform(0.7, 1.8)))
                before = covered(before, line.corners, cover, rng, self._texture(before.shape))
        height = max(14, height_drawn(rng))
        size = (round(height * float(rng.uniform(2.6, 4.4))), height)
        sight = self._sight(photograph)
        again = copy.deepcopy(rng)
        # The same camera, the same noise, without what stands there: what differs is hidden.
        without = taken(clear, line.corners, size, again, sight, sharp=not photograph)
        image = taken(before, line.corners, size, rng, sight, sharp=not photograph)
        hidden = hidden_columns(image, without)
        if rng.random() < PACKED_SHARE:
            image = packed(image, int(rng.integers(30, 96)))
        return Sample(reduced(image, LOOK_WIDTH_PX, LOOK_HEIGHT_PX), hidden)

    def _texture(self, shape: tuple[int, ...]) -> Image | None:
        """Return now and then a piece of another picture, enlarged: what stands there need not be of one colour."""
        rng = self._rng
        if rng.random() >= TEXTURED_SHARE:
            return None
        source = self._rendered[int(rng.integers(len(self._rendered)))].image
        if self._photographed and rng.random() < 0.5:
            source = self._photographed[int(rng.integers(len(self._photographed)))].image
        height, width = source.shape[:2]
        left, top = int(rng.integers(0, width - width // 3)), int(rng.integers(0, height - height // 3))
        piece = source[top : top + height // 3, left : left + width // 3]
        turned = np.rot90(piece, int(rng.integers(4)))
        return np.asarray(cv2.resize(np.ascontiguousarray(turned), (shape[1], shape[0])), np.uint8)

    def _sight(self, photograph: bool) -> Sight:
        draw = self._rng.random()
        if draw < NIGHT_SHARE:
            return "night"
        return "rain" if draw < NIGHT_SHARE + RAIN_SHARE and not photograph else "day"


def stencilled(line: Line, number: PlateText, rng: Rng) -> Line:
    """Return a rendered plate of one row and seven characters as real ones are: a 1 is a plain bar, a dot may be gone.

    Both leave wide gaps in which nothing is hidden.
    """
    if number.rows != 1 or len(number.text) != 7 or number.kind in ("nev_small", "nev_large"):
        return line
    image = line.image.copy()
    ink = 245 if number.colour in ("blue", "black") else 18
    across, down = (
        (line.corners[1] - line.corners[0])[0] / PLATE_MM[0],
        (line.corners[3] - line.corners[0])[1] / PLATE_MM[1],
    )
    left, top = line.corners[0]

    def part(at_mm: float, wide_mm: float, top_mm: float = 25.0, low_mm: float = 115.0) -> Image:
        return image[
            round(top + top_mm * down) : round(top + low_mm * down),
            round(left + at_mm * across) : round(left + (at_mm + wide_mm) * across),
        ]

    ground = np.median(part(CELLS_MM[2] - 10.0, 8.0, 30.0, 55.0).reshape(-1, 3), axis=0)
    if rng.random() < NO_DOT_SHARE:
        part(CELLS_MM[1] + 46.0, 32.0)[:] = ground
    if rng.random() < PLAIN_ONE_SHARE:
        for character, at_mm in zip(number.text, CELLS_MM, strict=True):
            if character == "1":
                part(at_mm, 45.0)[:] = ground
                part(at_mm + 17.0, 11.0)[:] = ink
    return Line(image, line.corners, line.text)


def varied(line: Line, rng: Rng, *, photograph: bool) -> Line:
    """Return `line` with what real crops have: another colour, ground beside the plate, bolts and clips in its frame.

    None of it hides a character.
    """
    image, corners = line.image, line.corners
    if photograph and rng.random() < RECOLOURED_SHARE:
        # The opposite of a blue plate is a yellow one with dark characters.
        image = np.asarray(255 - image if rng.random() < 0.6 else image[:, :, rng.permutation(3)], np.uint8)
    if rng.random() < BOLTED_SHARE:
        image = _bolted(image, corners, rng)
    if rng.random() < BESIDE_SHARE:
        height, width = image.shape[:2]
        left, right = (round(float(rng.uniform(0.0, MOST_BESIDE)) * width * (rng.random() < 0.7)) for _ in range(2))
        level = rng.uniform(0, 230, (1, 1, 3)) * 0.3 + rng.uniform(0, 160)
        shade = np.clip(level + rng.normal(0.0, 14.0, (3, 8, 1)), 0, 255).astype(np.uint8)
        wide = cv2.resize(shade, (width + left + right, height), interpolation=cv2.INTER_CUBIC)
        wide[:, left : left + width] = image
        # The box goes as far as the ground does: the plate does not fill it.
        corners = corners + np.array([[0, 0], [left + right, 0], [left + right, 0], [0, 0]], np.float32)
        image = np.asarray(wide, np.uint8)
    if rng.random() < SHARPENED_SHARE:
        blurred = cv2.GaussianBlur(image, (0, 0), float(rng.uniform(0.8, 2.0)))
        image = np.asarray(cv2.addWeighted(image, 2.0, blurred, -1.0, 0), np.uint8)
    return Line(image, np.asarray(corners, np.float32), line.text)


def _bolted(image: Image, corners: Array, rng: Rng) -> Image:
    """Return `image` with bolts, clips and their shadows in the upper and lower edge of the plate."""
    bolted = image.copy()
    height = float(np.linalg.norm(corners[3] - corners[0]))
    for _ in range(int(rng.integers(1, 6))):
        along, down = float(rng.uniform(0.02, 0.98)), float(rng.uniform(-0.08, 0.12))
        down = down if rng.random() < 0.5 else 1.0 - down
        x, y = corners[0] + along * (corners[1] - corners[0]) + down * (corners[3] - corners[0])
        size = (
            max(1, round(height * float(rng.uniform(0.02, 0.10)))),
            max(1, round(height * float(rng.uniform(0.02, 0.08)))),
        )
        level = float(rng.choice([rng.uniform(0, 60), rng.uniform(90, 160), rng.uniform(180, 250)]))
        cv2.ellipse(bolted, (round(float(x)), round(float(y))), size, 0, 0, 360, (level, level, level), -1, cv2.LINE_AA)
    return bolted


def shadowed(line: Line, rng: Rng) -> Image:
    """Return `line` with a band of shadow or light across it, in which everything is still seen."""
    height, width = line.image.shape[:2]
    middle, half = rng.uniform(0.0, width), rng.uniform(0.03, 0.5) * width
    columns = np.arange(width)[None] + rng.uniform(-1, 1) * np.arange(height)[:, None]
    inside = (np.abs(columns - middle) < half).astype(np.float32)
    band = cv2.GaussianBlur(inside, (0, 0), float(rng.uniform(0.5, 4.0)))
    return np.asarray(np.clip(line.image * (1.0 + band * rng.uniform(-0.5, 0.35))[:, :, None], 0, 255), np.uint8)


def hidden_columns(image: Image, without: Image) -> Array:
    """Return for each column 1 where what is in `image` and not in `without` hides it, 0 where not, -1 in between."""
    level = grey(without)
    low, high = np.percentile(level, (5, 95))
    changed = cv2.absdiff(image, without).max(axis=2) > max(CHANGED_LEVEL, CHANGED_SHARE * float(high - low))
    rows = changed[round(0.1 * len(changed)) : round(0.9 * len(changed))].astype(np.float32)
    shares = cv2.resize(rows, (COLUMNS, 1), interpolation=cv2.INTER_AREA)[0]
    return np.where(shares >= HIDDEN_FROM, 1.0, np.where(shares < CLEAR_BELOW, 0.0, -1.0)).astype(np.float32)


class CoverBatches:
    """Batches of samples, some of them new, the others out of those that were drawn last."""

    def __init__(self, rng: Rng, painter: CoverPainter) -> None:
        """`painter` draws on as long as batches are asked for."""
        self._rng = rng
        self._painter = painter
        self._kept: list[Sample] = []

    def next(self) -> CoverBatch:
        """Return another batch."""
        rng = self._rng
        for _ in range(FRESH if len(self._kept) >= BATCH else BATCH):
            sample = self._painter.next()
            if len(self._kept) < KEPT:
                self._kept.append(sample)
            else:
                self._kept[int(rng.integers(KEPT))] = sample
        fresh = [*range(max(0, len(self._kept) - FRESH), len(self._kept))]
        chosen = [self._kept[place] for place in (*fresh, *rng.integers(0, len(self._kept), BATCH - len(fresh)))]
        light = rng.uniform(0.8, 1.2, (BATCH, 1, 1, 3)) * rng.uniform(0.9, 1.1, (BATCH, 1, 1, 1))
        pictures = np.clip(np.stack([one.image for one in chosen]) * light / 127.5 - 1.0, -1.0, 1.0)
        hidden = np.stack([one.hidden for one in chosen])[:, None, None]
        return CoverBatch(
            np.ascontiguousarray(pictures.transpose(0, 3, 1, 2), np.float32),
            np.clip(hidden, 0.0, 1.0),
            (hidden >= 0.0).astype(np.float32),
        )
