"""Looks for plates in one picture: every row once, then closer where a row nearly spells a plate."""

import re
from dataclasses import dataclass

from edge.core.plate import PROVINCES
from edge.core.readings import PlateSighting
from models.decode import cut_to, spelling_of, top_glyphs
from models.detector import TextLine
from models.fitted_rows import GROUND, fitted_row
from models.lines import ReadLine, joined, overlap, stretched
from models.looks import TwoLooks
from models.plate_finder import FoundPlate
from models.plate_grammar import PLATE_CHARACTERS
from models.plate_sight import UNDOUBTED_FLOOR, PlateSight
from models.plates import CROP_FLOOR, plates_of, read_plate, without_repeats

MAX_CLOSER_LOOKS = 6
# What the general reader alone has to reach in a picture that is one plate of one row; of two rows it is not believed.
TEXT_ALONE_FLOOR = 0.98
# A row that was fitted to a crop has to spell the same with so much ground above and below it, in its heights.
FITTED_GROUNDS = (GROUND, 0.75, 0.35)
# Letters and digits enough for a plate that lacks its first characters, or has a row above.
_NEARLY = re.compile(rf"^[{PROVINCES}]?[A-Z0-9]{{4,8}}[学警港澳挂领]?$")
_ONE_ROW_ASPECT = 3.3
# A found plate has to spell the same with so many of its heights more on the left and right as with few.
# Where the box as it was found says nothing or something else, the wide cut has to be surer.
WIDE_MARGIN = 0.7
MARGINS = ((0.0, 0.0), (0.3, 0.9))
# Another vehicle's plate is no answer where a larger one is surely there.
SURELY_THERE = 0.5
LARGER = 1.2
# A plate of one row that is seen shorter than this may have two, one of two that is longer may have one.
_EITHER_ASPECTS = (2.2, 2.6)
# Upper row of a large plate: just above the lower, narrower, four fifths as high.
_UPPER_HEIGHT = 0.85
_UPPER_INSET = 1.1


@dataclass(frozen=True, slots=True)
class FoundRows:
    """The rows of plates that were found as such, and the plates that were surely spelt both close and wide."""

    rows: list[ReadLine]
    undoubted: frozenset[str]


def find_plates(looks: TwoLooks, rows: list[ReadLine], undoubted: frozenset[str] = frozenset()) -> list[PlateSighting]:
    """Return the plates among `rows` and in closer looks at rows that nearly spell one. Raises ModelOutputError.

    Those that are `undoubted` stand where the general reader does not surely spell another plate.
    """
    sight = PlateSight(looks, undoubted)
    found = plates_of(rows, sight.colour_of, check=sight.checked)
    nearly = [row for row in rows if _nearly(row) and not any(overlap(row.box, s.box) > 0.3 for s in found)]
    for row in nearly[:MAX_CLOSER_LOOKS]:
        found += _closer(looks, row, sight)
    return without_repeats(found)


def _nearly(row: ReadLine) -> bool:
    alphabet, columns = cut_to(row.probabilities, PLATE_CHARACTERS)
    return bool(_NEARLY.match(spelling_of(top_glyphs(columns, alphabet)).text)) and row.line.height >= 8


def _closer(looks: TwoLooks, row: ReadLine, sight: PlateSight) -> list[PlateSighting]:
    wider = stretched(row.line, left=0.9, right=0.15, up=0.08, down=0.08)
    upper = upper_row(row.line)
    for lines in ([wider], [upper, row.line]):
        rows = [row if line is row.line else looks.plates.read(line) for line in lines]
        found = plates_of(rows, sight.colour_of, check=sight.checked)
        if found:
            return found
    # The general reader alone, on the line as it was found and wider; not where the two have disagreed.
    if sight.refused:
        return []
    for line in (row.line, wider):
        texts = [looks.texts.read(line)]
        spelt = plates_of(texts, sight.colour_of)
        # What it spells first counts: another look at the same place is not asked for another answer.
        if spelt:
            return [one for one in spelt if sight.spelt_alone(one, texts) is not None]
    return []


def upper_row(lower: TextLine) -> TextLine:
    """Return where the upper row of a two-row plate stands over its `lower` row."""
    return stretched(lower, left=-_UPPER_INSET * 0.5, right=-_UPPER_INSET * 0.5, up=_UPPER_HEIGHT, down=-0.95)


def found_rows(looks: TwoLooks, found: list[FoundPlate]) -> FoundRows:
    """Read plates that were found as such; return the rows of those that say the same where much more is cut out.

    A box that ends in the last character leaves a stroke of it, which both readers take for a 1. Raises
    ModelOutputError.
    """
    rows: list[ReadLine] = []
    undoubted: set[str] = set()
    for plate in found:
        for arranged in _arrangements(plate):
            wide = _spelt(_read_with(looks, arranged, WIDE_MARGIN))
            if wide is None:
                continue
            for margin, floor in MARGINS:
                read = _read_with(looks, arranged, margin)
                near = _spelt(read)
                if near is not None and near.plate.text == wide.plate.text and wide.confidence >= floor:
                    rows += read
                    if min(near.confidence, wide.confidence) >= UNDOUBTED_FLOOR:
                        undoubted.add(near.plate.text)
                    break
    return FoundRows(rows, frozenset(undoubted))


def leaves_larger(found: list[FoundPlate], read: list[PlateSighting]) -> bool:
    """Say whether a plate that is surely there, and larger than all that were `read`, was not: that of the vehicle."""
    widest = max((sighting.box[2] for sighting in read), default=0)
    return any(
        plate.line.score >= SURELY_THERE
        and plate.line.box[2] > LARGER * widest
        and not any(overlap(plate.line.box, sighting.box) > 0.3 for sighting in read)
        for plate in found
    )


def _read_with(looks: TwoLooks, lines: tuple[TextLine, ...], margin: float) -> list[ReadLine]:
    return [looks.plates.read(stretched(line, left=margin, right=margin)) for line in lines]


def _arrangements(plate: FoundPlate) -> list[tuple[TextLine, ...]]:
    """Return the rows of a plate; of one that may have one row or two, both ways."""
    aspect = plate.line.width / max(plate.line.height, 1.0)
    ways: list[tuple[TextLine, ...]] = []
    if plate.rows == 1 or aspect > _EITHER_ASPECTS[1]:
        ways.append((plate.line,))
    if plate.rows == 2 or aspect < _EITHER_ASPECTS[0]:
        ways.append(_two_rows(plate.line))
    return ways


def _spelt(rows: list[ReadLine]) -> PlateSighting | None:
    """Return the plate that `rows` spell one after the other, or None."""
    return read_plate(joined([row.probabilities for row in rows]), "white", 2 if len(rows) == 2 else 1, rows[-1].box)


def split_rows(line: TextLine) -> tuple[TextLine, TextLine] | None:
    """Return the two rows of a box that holds a whole two-row plate, or None where it is too long for that."""
    if line.width > _ONE_ROW_ASPECT * line.height:
        return None
    return _two_rows(line)


def _two_rows(line: TextLine) -> tuple[TextLine, TextLine]:
    return stretched(line, down=-0.58), stretched(line, up=-0.36)


def read_whole_crop(looks: TwoLooks) -> list[PlateSighting]:
    """Return the plate that fills the whole picture, in one row or two, or nothing. Raises ModelOutputError."""
    sight = PlateSight(looks)
    parts = split_rows(sight.whole)
    for lines in ([sight.whole], list(parts or ())):
        rows = [looks.plates.read(line) for line in lines]
        check = sight.doubted if len(lines) == 1 else sight.doubted_half
        found = plates_of(rows, sight.colour_of, CROP_FLOOR, check)
        # Where the first reader spelt a plate that the second did not confirm, the second is not believed either.
        if not found and len(lines) == 1 and not plates_of(rows, sight.colour_of, CROP_FLOOR):
            texts = [looks.texts.read(line) for line in lines]
            found = plates_of(texts, sight.colour_of, TEXT_ALONE_FLOOR, sight.with_a_mark)
        if found:
            return found
    return []


def read_fitted_crop(looks: TwoLooks) -> list[PlateSighting]:
    """Return the plate of one row that a crop shows aslant, or with much around it, where nobody read it, or nothing.

    The row is cut out as it stands (docs/decisions/0084). Raises ModelOutputError.
    """
    if looks.covers is not None and looks.covers.boxes:
        return []
    row = fitted_row(looks.plates.image)
    if row is None:
        return []
    read: list[ReadLine] = []
    text = ""
    for ground in FITTED_GROUNDS:
        read.append(looks.plates.read(row.line(looks.plates.image.shape[1], ground)))
        spelt = _spelt(read[-1:])
        if spelt is None or text not in ("", spelt.plate.text):
            return []
        text = spelt.plate.text
    sight = PlateSight(looks)
    return plates_of(read[:1], sight.colour_of, UNDOUBTED_FLOOR, sight.fitted)
