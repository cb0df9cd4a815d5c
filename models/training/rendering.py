"""Renders lines of plates and of other text, by the renderer that the simulators use, in fonts of the system."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np

from models.pixels import Array, Image
from models.training.texts import PlateText, plate_text
from simulators.scene import PlateType, draw_plate

Rng = np.random.Generator
# Debian's fonts-noto-cjk, fonts-wqy-zenhei, fonts-wqy-microhei and fonts-dejavu-core; those that are missing are left
# out. '' is the font inside OpenCV.
FONTS = Path("/usr/share/fonts")
CHINESE_FONTS = (
    "opentype/noto/NotoSansCJK-Bold.ttc",
    "opentype/noto/NotoSansCJK-Regular.ttc",
    "truetype/wqy/wqy-zenhei.ttc",
    "truetype/wqy/wqy-microhei.ttc",
)
LATIN_FONTS = (
    "truetype/dejavu/DejaVuSansCondensed-Bold.ttf",
    "truetype/dejavu/DejaVuSans.ttf",
    "truetype/dejavu/DejaVuSans-Bold.ttf",
    "opentype/noto/NotoSansCJK-Bold.ttc",
    "opentype/noto/NotoSansCJK-Regular.ttc",
    "truetype/wqy/wqy-zenhei.ttc",
    "truetype/wqy/wqy-microhei.ttc",
)
LINE_HEIGHT_PX = 64
LINE_WIDTH_PX = 208
# A plate of two rows is as wide and 220 mm high where one of one row is 140 mm high.
TWO_ROWS_HEIGHT_PX = 100
MARGIN_X_PX = 26
MARGIN_Y_PX = 12
HEIGHT_PX = LINE_HEIGHT_PX + 2 * MARGIN_Y_PX
WIDTH_PX = LINE_WIDTH_PX + 2 * MARGIN_X_PX
# Upper and lower row of a plate of two (GA 36-2018), as shares of its width and height.
_UPPER_ROW = (0.20, 0.02, 0.80, 0.38)
_LOWER_ROW = (0.01, 0.36, 0.99, 0.97)
# Blue, green and red of the papers of temporary plates: white, light brown, light blue.
PAPERS = ((245, 245, 245), (150, 190, 220), (230, 215, 170))
# Characters that no plate has: what is painted on tail boards, cabs and sign boards.
OTHER_TEXT = (
    "大货车运输有限公司物流集团危险品限载吨米长高速东风解放重汽安全责任"
    "请保持车距倒停靠右行驶禁止施工注意慢收费站号门入出口中国"
)


@dataclass(frozen=True, slots=True)
class Line:
    """One line: a picture, where its text stands in it (corners clockwise from the upper left), what it says."""

    image: Image
    corners: Array
    text: str


def line_corners(height: int = LINE_HEIGHT_PX) -> Array:
    """Return the corners of the text in every rendered picture, `height` pixels apart."""
    left, top, right, bottom = MARGIN_X_PX, MARGIN_Y_PX, WIDTH_PX - MARGIN_X_PX, MARGIN_Y_PX + height
    return np.array([[left, top], [right, top], [right, bottom], [left, bottom]], np.float32)


def installed(fonts: Sequence[str], folder: Path = FONTS) -> tuple[str, ...]:
    """Return the files of those `fonts` that lie in `folder`, and the built-in one."""
    return ("", *(str(folder / font) for font in fonts if (folder / font).is_file()))


class LinePainter:
    """Paints one line after the other; the same generator gives the same lines on the same fonts."""

    def __init__(self, rng: Rng, fonts: Path = FONTS) -> None:
        """Look up the fonts in a folder that is laid out as the system's."""
        self._rng = rng
        self._chinese = installed(CHINESE_FONTS, fonts)
        self._latin = installed(LATIN_FONTS, fonts)

    def plate(self) -> Line:
        """Return a plate of one row, or one row of a plate of two."""
        return self.painted(plate_text(self._rng))

    def painted(self, number: PlateText) -> Line:
        """Return a line of the plate `number`."""
        rng = self._rng
        flat = self._flat(number)
        if number.rows == 1:
            return self._mounted(flat, number.text)
        upper = rng.random() < 0.4
        text = number.text[:2] if upper else number.text[2:]
        return self._mounted(_part(flat, _jittered(rng, _UPPER_ROW if upper else _LOWER_ROW)), text)

    def whole(self, number: PlateText) -> Line:
        """Return the whole plate `number`, whether it has one row or two."""
        return self._mounted(
            self._flat(number), number.text, LINE_HEIGHT_PX if number.rows == 1 else TWO_ROWS_HEIGHT_PX
        )

    def _flat(self, number: PlateText) -> Image:
        rng = self._rng
        # The built-in type has a barred zero, which no plate has: it is drawn less often than the others.
        latin = self._latin[int(rng.integers(1, len(self._latin)))] if len(self._latin) > 1 else ""
        set_in = PlateType(
            self._chinese[int(rng.integers(len(self._chinese)))],
            "" if rng.random() < 0.1 else latin,
            int(rng.integers(300, 800)),
        )
        flat = draw_plate(number.text, number.colour, number.kind, number.rows, set_in)
        return self._on_paper(flat) if number.kind == "temporary" else flat

    def _on_paper(self, flat: Image) -> Image:
        """Return `flat`, drawn on white, on white, brown or light blue paper, which is seldom clean."""
        paper = np.array(PAPERS[int(self._rng.integers(len(PAPERS)))], np.float32)
        shade = paper + self._rng.normal(0.0, 10.0, 3)
        return np.asarray(np.clip(flat * (shade / 255.0), 0, 255), np.uint8)

    def other(self) -> Line:
        """Return a line that is no plate: other characters, each of which reads as the one that stands for all."""
        rng = self._rng
        count = int(rng.integers(2, 9))
        text = "".join(OTHER_TEXT[int(place)] for place in rng.integers(0, len(OTHER_TEXT), count))
        ground, ink = (tuple(int(v) for v in rng.integers(0, 256, 3)) for _ in range(2))
        flat = np.full((120, 110 * count + 20, 3), ground, np.uint8)
        face = cv2.FontFace(self._chinese[int(rng.integers(len(self._chinese)))] or "uni")
        cv2.putText(flat, text, (10, 98), ink, face, 100, 0)
        return self._mounted(flat, "\x01" * count)

    def _mounted(self, flat: Image, text: str, height: int = LINE_HEIGHT_PX) -> Line:
        """Return `flat`, drawn `height` pixels high, on what may stand around a plate."""
        rng = self._rng
        level = float(rng.uniform(10, 220))
        shade = rng.normal(level, 25.0, (3, 4, 3)) + rng.normal(0.0, 12.0, 3)
        around = cv2.resize(np.clip(shade, 0, 255).astype(np.uint8), (WIDTH_PX, height + 2 * MARGIN_Y_PX))
        face = cv2.resize(flat, (LINE_WIDTH_PX, height), interpolation=cv2.INTER_AREA)
        around[MARGIN_Y_PX:-MARGIN_Y_PX, MARGIN_X_PX:-MARGIN_X_PX] = face
        return Line(np.asarray(around, np.uint8), line_corners(height), text)


def _jittered(rng: Rng, part: tuple[float, float, float, float]) -> tuple[float, float, float, float]:
    left, top, right, bottom = part
    # Sometimes the whole width of the plate: a box of two rows that was cut in two.
    if rng.random() < 0.3:
        left, right = 0.0, 1.0
    else:
        left, right = left + rng.uniform(-0.08, 0.02), right + rng.uniform(-0.02, 0.08)
    return max(0.0, left), max(0.0, top + rng.uniform(-0.02, 0.03)), min(1.0, right), bottom + rng.uniform(-0.02, 0.03)


def _part(flat: Image, part: tuple[float, float, float, float]) -> Image:
    height, width = flat.shape[:2]
    left, top, right, bottom = part
    return flat[round(top * height) : round(bottom * height), round(left * width) : round(right * width)]
