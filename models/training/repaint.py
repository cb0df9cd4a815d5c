"""Paints another province over that of a photographed plate: nearly all photographs that may be used are of one."""

from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np

from edge.core.plate import PROVINCES
from models.decode import top_glyphs
from models.pixels import Image, cut_out, grey, ink_mask
from models.reader import LineReader
from models.training.rendering import CHINESE_FONTS, FONTS, Line, installed
from simulators.scene.canvas import glyphs

Rng = np.random.Generator
# Middles of the characters of a plate of one row, and the province's own cell, in shares of its width (GA 36-2018).
_MIDDLES = np.array([38.0, 95.0, 174.0, 231.0, 288.0, 345.0, 402.0]) / 440
_CELL = (11 / 440, 65 / 440)
_SECOND = (72 / 440, 118 / 440)
# Characters that stand further than this from where they belong are of a plate seen too much aslant.
MAX_MISPLACED = 0.02
PAINTED_HEIGHT_PX = 64


@dataclass(frozen=True, slots=True)
class Template:
    """A photographed plate whose province can be painted over: its line cut out, the cell, the ink of its letters."""

    image: Image
    text: str
    cell: tuple[int, int, int, int]
    ink: tuple[float, ...]


def template(reader: LineReader, line: Line) -> Template | None:
    """Return `line` as a template, or None where its characters are not read or not found where they belong."""
    cut = cut_out(line.image, line.corners)
    read = top_glyphs(reader.read(cut))
    if len(line.text) != len(_MIDDLES) or "".join(g.character for g in read)[-6:] != line.text[1:]:
        return None
    places = np.array([glyph.place for glyph in read[-6:]])
    slope, start = np.polyfit(_MIDDLES[1:], places, 1)
    if np.abs(_MIDDLES[1:] * slope + start - places).max() > MAX_MISPLACED:
        return None
    # Painted at a size at which the strokes of a province are told apart.
    width = round(cut.shape[1] * PAINTED_HEIGHT_PX / cut.shape[0])
    image = np.asarray(cv2.resize(cut, (width, PAINTED_HEIGHT_PX), interpolation=cv2.INTER_CUBIC), np.uint8)
    left, right, second, third = (round((part * slope + start) * width) for part in (*_CELL, *_SECOND))
    ink = ink_mask(grey(image[:, second:])).astype(bool)
    rows = np.flatnonzero(ink[:, : third - second].mean(axis=1) > 0.15)
    if len(rows) < PAINTED_HEIGHT_PX // 2 or len(rows) > 0.9 * PAINTED_HEIGHT_PX or left < -width // 50:
        return None
    colour = tuple(float(value) for value in np.percentile(image[:, second:][ink], 70, axis=0))
    return Template(image, line.text, (max(0, left), int(rows[0]), right, int(rows[-1]) + 1), colour)


class Repainter:
    """Gives photographs of plates other provinces."""

    def __init__(self, rng: Rng, fonts: Path = FONTS) -> None:
        """Look up the fonts in a folder that is laid out as the system's."""
        self._rng = rng
        self._fonts = installed(CHINESE_FONTS, fonts)

    def painted(self, plate: Template) -> Line:
        """Return the plate with a province drawn at random, in the light and the sharpness of its other letters."""
        rng = self._rng
        province = PROVINCES[int(rng.integers(len(PROVINCES)))]
        image = plate.image.copy()
        left, top, right, bottom = plate.cell
        run = np.linspace(0.0, 1.0, right - left, dtype=np.float32)[None, :, None]
        # Where the crop begins with the province itself, only the gap to its right shows the ground of the plate.
        before, after = (image[:, at : at + 1].astype(np.float32) for at in (left or right, right))
        grain = rng.normal(0.0, 2.0, (image.shape[0], right - left, 3))
        image[:, left:right] = np.clip(before * (1 - run) + after * run + grain, 0, 255).astype(np.uint8)
        mask = glyphs(province, 160, chinese=True, face=self._fonts[int(rng.integers(len(self._fonts)))])
        size = (round(0.86 * (right - left)), bottom - top)
        scaled = cv2.resize(mask, size, interpolation=cv2.INTER_AREA).astype(np.float32) / 255
        cover = np.zeros(image.shape[:2], np.float32)
        at = left + round(0.07 * (right - left))
        cover[top : top + size[1], at : at + size[0]] = scaled
        blur = float(rng.uniform(0.012, 0.03)) * size[1]
        cover = np.clip(cv2.GaussianBlur(cover, (0, 0), blur) * float(rng.uniform(1.0, 1.5)), 0, 1)[:, :, None]
        mixed = image * (1 - cover) + np.array(plate.ink, np.float32) * cover
        height, width = image.shape[:2]
        corners = np.array([[0, 0], [width, 0], [width, height], [0, height]], np.float32)
        return Line(np.clip(mixed, 0, 255).astype(np.uint8), corners, province + plate.text[1:])
