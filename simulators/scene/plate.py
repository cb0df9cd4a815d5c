"""Number plates of mainland China, flat, in their published geometry (GA 36-2018), 2 pixels a millimetre.

Single row 440 x 140 mm, new energy 480 x 140 mm, two rows 440 x 220 mm; characters 45 x 90 mm (second row of
two: 65 x 110 mm, first row 80 x 60 mm).
"""

from dataclasses import dataclass

import cv2
import numpy as np

from simulators.scene.canvas import Colour, Picture, glyphs, gradient, ink, rectangle

SCALE = 2
_WHITE: Colour = (245, 245, 245)
_BLACK: Colour = (18, 18, 18)
_RED: Colour = (30, 20, 200)
_GROUND: dict[str, tuple[Colour, Colour]] = {
    "blue": ((150, 60, 5), (140, 52, 0)),
    "yellow": ((10, 190, 250), (5, 180, 245)),
    "green": ((240, 248, 240), (95, 200, 90)),
    "yellow_green": ((95, 200, 90), (95, 200, 90)),
    "white": ((250, 250, 250), (240, 240, 240)),
    "black": ((28, 26, 26), (20, 20, 20)),
}
_ENERGY = frozenset({"nev_small", "nev_large"})


@dataclass(frozen=True, slots=True)
class PlateType:
    """The type that a plate is set in: files of two fonts ('' is the built-in one) and the weight of the built-in."""

    chinese: str = ""
    latin: str = ""
    weight: int = 500


_TYPE = PlateType()


def draw_plate(text: str, colour: str, kind: str = "ordinary", rows: int = 1, set_in: PlateType = _TYPE) -> Picture:
    """One plate seen straight on. `colour` and `kind` are those of the plate's identity, `rows` 1 or 2.

    Raises ValueError for an unknown colour, an empty text, or a character that no font has.
    """
    if colour not in _GROUND or len(text) < 3 or rows not in (1, 2):
        raise ValueError(f"cannot draw plate {text!r} in {colour!r} with {rows} rows")
    width_mm = 480 if kind in _ENERGY else 440
    height_mm = 220 if rows == 2 else 140
    flat = gradient(width_mm * SCALE, height_mm * SCALE, *_GROUND[colour])
    if colour == "yellow_green":
        # Two thirteenths of the plate's left, under province and letter, are yellow.
        rectangle(flat, 0, 0, 125 * SCALE, height_mm * SCALE, _GROUND["yellow"][0])
    letters = _WHITE if colour in ("blue", "black") else _BLACK
    _frame(flat, letters)
    if rows == 2:
        _row(flat, text[:2], (110, 15, 330, 75), 80, letters, kind, set_in, gap_mm=60)
        _row(flat, text[2:], (20, 92, 420, 202), 65, letters, kind, set_in, gap_mm=15)
    else:
        _single_row(flat, text, width_mm, letters, kind, set_in)
    return flat


def _frame(flat: Picture, colour: Colour) -> None:
    height, width = flat.shape[:2]
    inset = 4 * SCALE
    cv2.rectangle(flat, (inset, inset), (width - inset, height - inset), colour, 2 * SCALE, cv2.LINE_AA)
    for across in (width // 4, width * 3 // 4):
        for down in (10 * SCALE, height - 10 * SCALE):
            cv2.circle(flat, (across, down), 4 * SCALE, (120, 120, 120), -1, cv2.LINE_AA)


def _single_row(flat: Picture, text: str, width_mm: int, colour: Colour, kind: str, set_in: PlateType) -> None:
    """Two characters, the dot, the rest: 45 mm wide and 12 mm apart, closer where there are more of them."""
    rest = len(text) - 2
    dot_mm = 34 if kind not in _ENERGY else 49
    cell = min(45.0, (width_mm - 31 - dot_mm - 9 * (len(text) - 2)) / len(text))
    gap = 12.0 if len(text) <= 7 else 9.0
    used = len(text) * cell + (rest - 1) * gap + gap + dot_mm
    left = (width_mm - used) / 2
    for index, character in enumerate(text):
        _cell(flat, character, (left, 25, cell, 90), _ink_of(character, index, colour, kind), set_in)
        left += cell + (dot_mm if index == 1 else gap)
        if index == 1 and kind not in _ENERGY:
            at = (round((left - dot_mm / 2) * SCALE), 70 * SCALE)
            cv2.circle(flat, at, 5 * SCALE, colour, -1, cv2.LINE_AA)


def _row(
    flat: Picture,
    text: str,
    box: tuple[int, int, int, int],
    cell: float,
    colour: Colour,
    kind: str,
    set_in: PlateType,
    *,
    gap_mm: float,
) -> None:
    """One of two rows, centred in `box` (left, top, right, bottom in mm)."""
    left, top, right, bottom = box
    cell = min(cell, (right - left - gap_mm * (len(text) - 1)) / len(text))
    start = left + (right - left - len(text) * cell - (len(text) - 1) * gap_mm) / 2
    for index, character in enumerate(text):
        position = index if top < 50 else index + 2
        _cell(flat, character, (start, top, cell, bottom - top), _ink_of(character, position, colour, kind), set_in)
        start += cell + gap_mm


def _ink_of(character: str, position: int, colour: Colour, kind: str) -> Colour:
    red = character in "警应急" or (kind == "armed_police" and position < 2) or (kind == "military" and position < 2)
    return _RED if red else colour


def _cell(
    flat: Picture, character: str, cell_mm: tuple[float, float, float, float], colour: Colour, set_in: PlateType
) -> None:
    """One character filling its cell (left, top, width, height) as plates' own condensed type does.

    Thin ones keep their shape.
    """
    left, top, width_mm, height_mm = cell_mm
    chinese = not character.isascii()
    face = set_in.chinese if chinese else set_in.latin
    mask = glyphs(character, 160, chinese=chinese, weight=set_in.weight, face=face)
    width, height = round(width_mm * SCALE), round(height_mm * SCALE)
    narrow = max(4, round(width * 0.45)) if character in "1I" else width
    scaled = np.asarray(cv2.resize(mask, (narrow, height), interpolation=cv2.INTER_AREA), np.uint8)
    ink(flat, scaled, round(left * SCALE) + (width - narrow) // 2, round(top * SCALE), colour)
