"""Looks for plates in one picture: every row once, then closer where a row nearly spells a plate."""

import re

import numpy as np

from edge.core.plate import PROVINCES, PlateColour
from edge.core.readings import PlateSighting
from models.colours import plate_colour
from models.decode import cut_to, spelling_of, top_glyphs
from models.detector import TextLine
from models.lines import ReadLine, overlap
from models.looks import Looks, stretched
from models.plate_grammar import PLATE_CHARACTERS
from models.plates import CROP_FLOOR, ColourOf, plates_of, without_repeats

MAX_CLOSER_LOOKS = 6
# Letters and digits enough for a plate that lacks its first characters, or has a row above.
_NEARLY = re.compile(rf"^[{PROVINCES}]?[A-Z0-9]{{4,8}}[学警港澳挂领]?$")
_ONE_ROW_ASPECT = 3.3
# Upper row of a large plate: just above the lower, narrower, four fifths as high.
_UPPER_HEIGHT = 0.85
_UPPER_INSET = 1.1


def find_plates(looks: Looks, rows: list[ReadLine]) -> list[PlateSighting]:
    """Return the plates among `rows` and in closer looks at rows that nearly spell one. Raises ModelOutputError."""

    def colour_of(lines: list[ReadLine]) -> PlateColour | None:
        return plate_colour(looks.crop(lines[-1].line))

    found = plates_of(rows, colour_of)
    nearly = [row for row in rows if _nearly(row) and not any(overlap(row.box, s.box) > 0.3 for s in found)]
    for row in nearly[:MAX_CLOSER_LOOKS]:
        found += _closer(looks, row, colour_of)
    return without_repeats(found)


def _nearly(row: ReadLine) -> bool:
    alphabet, columns = cut_to(row.probabilities, PLATE_CHARACTERS)
    return bool(_NEARLY.match(spelling_of(top_glyphs(columns, alphabet)).text)) and row.line.height >= 8


def _closer(looks: Looks, row: ReadLine, colour_of: ColourOf) -> list[PlateSighting]:
    wider = looks.read(stretched(row.line, left=0.9, right=0.15, up=0.08, down=0.08))
    found = plates_of([wider], colour_of)
    if found:
        return found
    upper = looks.read(upper_row(row.line))
    return plates_of([upper, row], colour_of)


def upper_row(lower: TextLine) -> TextLine:
    """Return where the upper row of a two-row plate stands over its `lower` row."""
    return stretched(lower, left=-_UPPER_INSET * 0.5, right=-_UPPER_INSET * 0.5, up=_UPPER_HEIGHT, down=-0.95)


def split_rows(line: TextLine) -> tuple[TextLine, TextLine] | None:
    """Return the two rows of a box that holds a whole two-row plate, or None where it is too long for that."""
    if line.width > _ONE_ROW_ASPECT * line.height:
        return None
    return stretched(line, down=-0.58), stretched(line, up=-0.36)


def read_whole_crop(looks: Looks) -> list[PlateSighting]:
    """Return the plate that fills the whole picture, in one row or two, or nothing. Raises ModelOutputError."""
    height, width = looks.image.shape[:2]
    corners = np.array([[0, 0], [width, 0], [width, height], [0, height]], np.float32)
    whole = TextLine(corners, 1.0)

    def colour_of(lines: list[ReadLine]) -> PlateColour | None:
        return plate_colour(looks.crop(lines[-1].line))

    found = plates_of([looks.read(whole)], colour_of, CROP_FLOOR)
    parts = split_rows(whole)
    if found or parts is None:
        return found
    return plates_of([looks.read(part) for part in parts], colour_of, CROP_FLOOR)
