"""Looks for plates in one picture: every row once, then closer where a row nearly spells a plate."""

import re
from dataclasses import dataclass, replace

import numpy as np

from edge.core.plate import PROVINCES, PlateColour
from edge.core.readings import PlateSighting
from models.colours import plate_colour
from models.decode import cut_to, spelling_of, top_glyphs
from models.detector import TextLine
from models.fitted_rows import GROUND, fitted_row
from models.lines import ReadLine, joined, overlap, stretched
from models.looks import STEADY_LOOKS, TwoLooks
from models.pixels import Array
from models.plate_finder import FoundPlate
from models.plate_grammar import PLATE_CHARACTERS
from models.plate_opinions import (
    SURELY_SEEN,
    agreed,
    agreed_in_scene,
    alike,
    has_sure_marks,
    may_be_temporary,
    may_lack_province,
    scene_floor,
)
from models.plates import CROP_FLOOR, is_temporary, plates_of, read_plate, without_repeats

MAX_CLOSER_LOOKS = 6
# In a picture that is one plate, nobody else is asked about a reading that is as sure as this.
UNDOUBTED_FLOOR = 0.95
# A line that is read with less is cut out anew. A reading that all cuts share is as sure as UNDOUBTED_FLOOR, another is
# not. Above it other cuts confirm the wrong ones as well (2 of 929 rendered).
UNSTEADY_CEILING = 0.94
# How surely something stands before a plate: from here on it is no answer, from here on both readers have to be sure of
# every character, from here on they have to spell the same (docs/decisions/0077).
HIDDEN_FLOOR = 0.9
SURELY_FLOOR = 0.75
DOUBTFUL_FLOOR = 0.5
# What the first reader alone has to reach in a picture that is one plate of a kind that no photographed crop shows.
SELDOM_SEEN_FLOOR = 0.97
# In a crop other cuts say nothing more of a character that is less sure than this: they show it as doubtfully.
STEADY_FLOOR = 0.9
# In rows lower than this a reading that other cuts share may still be another province or letter: both readers are
# asked, and each character has to be this sure (docs/decisions/0083).
LOW_ROW_PX = 20
LOW_ROW_FLOOR = 0.97
# What the general reader alone has to reach in a picture that is one plate of one row; of two rows it is not believed.
TEXT_ALONE_FLOOR = 0.98
# The same in other pictures.
SCENE_TEXT_FLOOR = 0.9
# A row that was fitted to a crop has to spell the same with so much ground above and below it, in its heights.
FITTED_GROUNDS = (GROUND, 0.75, 0.35)
# The general reader has to spell it, too, each character with this at least.
FITTED_TEXT_FLOOR = 0.5
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


class _Sight:
    """What is asked about lines of one picture: their colour, and what another look and another reader say of them."""

    def __init__(self, looks: TwoLooks, undoubted: frozenset[str] = frozenset()) -> None:
        self._looks = looks
        self._undoubted = undoubted
        self.refused: set[str] = set()

    @property
    def whole(self) -> TextLine:
        """The whole picture as one line."""
        height, width = self._looks.plates.image.shape[:2]
        return TextLine(np.array([[0, 0], [width, 0], [width, height], [0, height]], np.float32), 1.0)

    def colour_of(self, lines: list[ReadLine]) -> PlateColour | None:
        return plate_colour(self._looks.plates.crop(lines[-1].line))

    def checked(self, sighting: PlateSighting, lines: list[ReadLine]) -> PlateSighting | None:
        """Return what both readers make of a plate that the first one spelt. What they refuse once stays refused.

        The first one is believed alone of one row that it spelt surely twice, with its province and marks, on a ground
        of its kind; never of two rows (docs/decisions/0086, 0087).
        """
        if sighting.plate.text in self.refused or _is_a_word(sighting):
            return None
        # The first letter of a military plate looks like a province.
        on_its_ground = sighting.plate.kind != "ordinary" or sighting.plate.colour is not None
        surely = on_its_ground and sighting.confidence >= UNDOUBTED_FLOOR and has_sure_marks(sighting)
        if self._covered(sighting, lines):
            answer = None
        elif sighting.plate.rows == 1 and sighting.plate.text in self._undoubted and surely:
            answer = self._unless_temporary(sighting, lines)
        else:
            answer = agreed_in_scene(self._steadied(sighting, lines), self._any_text(lines))
        if answer is None:
            self.refused.add(sighting.plate.text)
        return answer

    def doubted(self, sighting: PlateSighting, lines: list[ReadLine]) -> PlateSighting | None:
        """Return the plate where the first reader is sure of it alone, else what both make of it.

        One of two rows, one in low rows, and one on white that no plate of its kind is painted on, are believed by
        nobody alone; kinds that no photographed crop shows need more (docs/decisions/0070).
        """
        strange = len(lines) == 2 or (sighting.plate.colour is None and self.colour_of(lines) == "white")
        usual = sighting.plate.kind == "ordinary" and not strange
        low = min(line.line.height for line in lines) < LOW_ROW_PX
        weakest = min(sighting.characters, default=0.0)
        if low and weakest < LOW_ROW_FLOOR:
            return None
        if self._covered(sighting, lines):
            return None
        first = self._steadied(sighting, lines) if usual and not low and weakest >= STEADY_FLOOR else sighting
        if not (strange or low) and first.confidence >= (UNDOUBTED_FLOOR if usual else SELDOM_SEEN_FLOOR):
            return self._unless_temporary(first, lines)
        answer = self._agreed(first, lines)
        if answer is None or (usual and answer.plate.kind == "ordinary"):
            return answer
        return answer if answer.confidence >= UNDOUBTED_FLOOR else None

    def fitted(self, sighting: PlateSighting, lines: list[ReadLine]) -> PlateSighting | None:
        """Return the plate of a fitted row where both readers spell it, each surely, and nothing may hide a part of it.

        Nobody believed another look at this crop: neither reader is believed alone, a doubt is a refusal, and so is a
        kind that no photographed crop shows.
        """
        if sighting.plate.kind != "ordinary" or min(sighting.characters, default=0.0) < LOW_ROW_FLOOR:
            return None
        text = self._any_text(lines)
        if is_temporary(text) or not alike(sighting, text, FITTED_TEXT_FLOOR):
            return None
        covers, places = self._looks.covers, [line.line for line in lines]
        if covers is None or max(covers.before(places), covers.before([self.whole])) < DOUBTFUL_FLOOR:
            return sighting
        covers.refuse(places, for_good=False)
        return None

    def spelt_alone(self, sighting: PlateSighting, lines: list[ReadLine]) -> PlateSighting | None:
        """Return the plate that the general reader alone spells in a scene, or None: it may be another, or hidden."""
        floor = max(SCENE_TEXT_FLOOR, scene_floor(sighting.plate))
        believed = sighting.confidence >= floor and not may_lack_province(sighting.plate)
        return sighting if believed and self._may_be_read_alone(sighting, lines) else None

    def with_a_mark(self, sighting: PlateSighting, lines: list[ReadLine]) -> PlateSighting | None:
        """Return the plate that the general reader alone spells in a crop, where it has a province or a mark."""
        marked = sighting.plate.kind not in ("military", "armed_police")
        return sighting if marked and self._may_be_read_alone(sighting, lines) else None

    def _may_be_read_alone(self, sighting: PlateSighting, lines: list[ReadLine]) -> bool:
        return not _is_a_word(sighting) and not self._covered(sighting, lines, alone=True)

    def _covered(self, sighting: PlateSighting, lines: list[ReadLine], *, alone: bool = False) -> bool:
        """Say whether a part of the plate may be hidden, so that it is no answer (docs/decisions/0077).

        What the reader of plates did not spell itself is spelt by the general one `alone`, which nobody confirms.
        """
        covers, places = self._looks.covers, [line.line for line in lines]
        hidden = 0.0 if covers is None else covers.before(places)
        if covers is None or hidden < DOUBTFUL_FLOOR:
            return False
        sure = SURELY_SEEN if hidden >= SURELY_FLOOR else 0.0
        if hidden < HIDDEN_FLOOR and not alone and alike(sighting, self._any_text(lines), sure):
            return False
        covers.refuse(places, for_good=hidden >= HIDDEN_FLOOR)
        return True

    def _agreed(self, sighting: PlateSighting, lines: list[ReadLine]) -> PlateSighting | None:
        return agreed(sighting, self._any_text(lines))

    def _unless_temporary(self, sighting: PlateSighting, lines: list[ReadLine]) -> PlateSighting | None:
        temporary = may_be_temporary(sighting) and is_temporary(self._any_text(lines))
        return None if temporary else sighting

    def _any_text(self, lines: list[ReadLine]) -> Array:
        return joined([self._looks.texts.read(line.line).probabilities for line in lines])

    def _steadied(self, sighting: PlateSighting, lines: list[ReadLine]) -> PlateSighting:
        """Return `sighting`, surer where other cuts of the lines say the same, less sure where they do not."""
        if sighting.confidence >= UNDOUBTED_FLOOR:
            return sighting
        for left, right, up, down in STEADY_LOOKS:
            again = [self._looks.plates.read(stretched(line.line, left, right, up, down)) for line in lines]
            read = read_plate(joined([row.probabilities for row in again]), "white", sighting.plate.rows, sighting.box)
            if read is None or read.plate.text != sighting.plate.text:
                return replace(sighting, confidence=min(sighting.confidence, UNSTEADY_CEILING))
        return replace(sighting, confidence=max(sighting.confidence, UNDOUBTED_FLOOR))


def _is_a_word(sighting: PlateSighting) -> bool:
    """Say whether it has no digit: GA 36 allows two letters of five, and a container's CU CAP looks like a plate."""
    return not any(character.isdigit() for character in sighting.plate.text)


def find_plates(looks: TwoLooks, rows: list[ReadLine], undoubted: frozenset[str] = frozenset()) -> list[PlateSighting]:
    """Return the plates among `rows` and in closer looks at rows that nearly spell one. Raises ModelOutputError.

    Where `checked` allows it the second reader is not asked about those that are `undoubted`.
    """
    sight = _Sight(looks, undoubted)
    found = plates_of(rows, sight.colour_of, check=sight.checked)
    nearly = [row for row in rows if _nearly(row) and not any(overlap(row.box, s.box) > 0.3 for s in found)]
    for row in nearly[:MAX_CLOSER_LOOKS]:
        found += _closer(looks, row, sight)
    return without_repeats(found)


def _nearly(row: ReadLine) -> bool:
    alphabet, columns = cut_to(row.probabilities, PLATE_CHARACTERS)
    return bool(_NEARLY.match(spelling_of(top_glyphs(columns, alphabet)).text)) and row.line.height >= 8


def _closer(looks: TwoLooks, row: ReadLine, sight: _Sight) -> list[PlateSighting]:
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
    sight = _Sight(looks)
    parts = split_rows(sight.whole)
    for lines in ([sight.whole], list(parts or ())):
        rows = [looks.plates.read(line) for line in lines]
        found = plates_of(rows, sight.colour_of, CROP_FLOOR, sight.doubted)
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
    sight = _Sight(looks)
    return plates_of(read[:1], sight.colour_of, UNDOUBTED_FLOOR, sight.fitted)
