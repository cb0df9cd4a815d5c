"""Closer looks at one picture: a line read again with more of what is beside it."""

from dataclasses import dataclass, field

import numpy as np

from edge.core.readings import NOT_FOUND, Box, ContainerSighting
from models.columns import ColumnCut, turned_column
from models.cover_finder import CoverFinder
from models.detector import TextLine
from models.lines import ReadLine, around, overlap, stretched
from models.masks import MASKED, PLATE_REACH, Masked
from models.pixels import Array, Image, cut_out
from models.plate_finder import FoundPlate
from models.reader import LineReader

MIN_LINE_HEIGHT_PX = 6.0
# Other cuts of a line: left, right, up, down in its heights.
WIDER_LOOK = (0.12, 0.12, 0.0, 0.0)
# Cuts with ever more on all sides, where a character may stand that the line lacks.
AROUND_LOOKS = ((0.15, 0.15, 0.15, 0.15), (0.4, 0.4, 0.1, 0.1), (0.7, 0.7, 0.15, 0.15))
STEADY_LOOKS = ((0.0, 0.0, 0.1, 0.1), WIDER_LOOK, (-0.05, -0.05, -0.06, -0.06))
# From here on something may stand before a line: other cuts are asked, and their median counts.
LOOK_AGAIN_FLOOR = 0.1
# A line that shares so much with one before which something was seen is the same plate.
SAME_PLATE = 0.3
# A place as sure as this holds a plate, or what looks like one: a third of the lettering of yards alone does.
SEEN_FLOOR = 0.6
# A low one is seen less surely, and lettering that low is taken for one less often.
LOW_SEEN_FLOOR = 0.45
# Nine pixels a character. Photographs made smaller until the plate was so high: at 20 px 21 of 25 were read, at 16 px
# 20, at 14 px 14, at 12 px 8, at 10 px 5 of 23.
LEGIBLE_ROW_PX = 20.0
TOO_FEW_PIXELS = "too_few_pixels"
ILLEGIBLE = "illegible"
# A plate was found and something stands before a part of it.
COVERED = "covered"
# What is looked for.
PLATE = "plate"


class Looks:
    """One picture and the reader of its lines. Every look costs a run of it: 2 ms of plates, 10 of any text."""

    def __init__(self, image: Image, reader: LineReader, column_reader: LineReader | None = None) -> None:
        self.image = image
        self._reader = reader
        self._column_reader = column_reader
        # What every cut of every column spelt so far, whoever found the column.
        self.spelt_in_columns: list[ContainerSighting] = []
        # What the cuts of columns that hold no code spelt: the size and type stands in one of them.
        self.beside_columns: list[str] = []
        # Serial numbers of codes in rows, and how high those rows are in pixels.
        self.numbers_in_rows: list[tuple[str, float]] = []
        # The tallest row that was to be read, however low; 0 where there was none.
        self.tallest_px = 0.0

    def crop(self, line: TextLine) -> Image:
        """Return the pixels of `line`."""
        return cut_out(self.image, line.corners)

    def read(self, line: TextLine) -> ReadLine:
        """Read a row. Raises ModelOutputError."""
        return ReadLine(line, self._reader.read(self.crop(line)))

    def read_as(self, line: TextLine, pixels: Image) -> ReadLine:
        """Read `pixels` as what stands in `line`. Raises ModelOutputError."""
        return ReadLine(line, self._reader.read(pixels))

    def read_rows(self, lines: list[TextLine]) -> list[ReadLine]:
        """Read those of `lines` that are tall enough. Raises ModelOutputError."""
        self.tallest_px = max((self.tallest_px, *(line.height for line in lines)))
        return [self.read(line) for line in lines if line.height >= MIN_LINE_HEIGHT_PX]

    def read_column(self, group: list[TextLine], cut: ColumnCut) -> ReadLine | None:
        """Read a column as `cut` out of the picture; None where there is no such reader.

        Raises ModelOutputError.
        """
        if self._column_reader is None:
            return None
        x, y, width, height = around(group)
        corners: Array = np.array([[x, y], [x + width, y], [x + width, y + height], [x, y + height]], np.float32)
        probabilities = self._column_reader.read(turned_column(self.image, group, cut))
        return ReadLine(TextLine(corners, group[0].score), probabilities)


class SeenCovers:
    """What stands before the plates of one picture: what was refused for good is believed in no other cut."""

    def __init__(self, image: Image, finder: CoverFinder | None) -> None:
        """Look in `image`; without a `finder` nothing is ever seen."""
        self._image = image
        self._finder = finder
        self._refused: list[Box] = []
        # All plates that were refused, surely or in doubt.
        self.boxes: list[Box] = []

    def before(self, lines: list[TextLine]) -> float:
        """Return how surely something stands before the plate in `lines`, 1 where it did. Raises ModelOutputError."""
        box = around(lines)
        if any(overlap(box, other) > SAME_PLATE for other in self._refused):
            return 1.0
        if self._finder is None:
            return 0.0
        first = self._surest(self._finder, lines)
        if first < LOOK_AGAIN_FLOOR:
            return first
        again = [self._surest(self._finder, [stretched(line, *look) for line in lines]) for look in STEADY_LOOKS]
        return float(np.median([first, *again]))

    def refuse(self, lines: list[TextLine], *, for_good: bool) -> None:
        """Remember that the plate in `lines` is not answered; one that is refused `for_good` in no other cut either."""
        self.boxes.append(around(lines))
        if for_good:
            self._refused.append(self.boxes[-1])

    def _surest(self, finder: CoverFinder, lines: list[TextLine]) -> float:
        return max(float(finder.hidden(cut_out(self._image, line.corners)).max()) for line in lines)


@dataclass(frozen=True, slots=True)
class TwoLooks:
    """One picture and its two readers: one that knows plates alone and is fast, one that knows any text.

    `covers` tells what stands before plates; None where nobody looks for that.
    """

    plates: Looks
    texts: Looks
    covers: SeenCovers | None = None
    # The plates that their detector saw, whatever was read of them.
    seen: list[FoundPlate] = field(default_factory=list)
    # What is left out of the picture.
    masked: Masked = field(default_factory=Masked)

    def why_no_plate(self) -> tuple[str, Box | None]:
        """Return why no plate was read: it is masked or covered, none is seen, the widest is too low or illegible."""
        refused = self.masked.first_refused(PLATE)
        if refused is not None:
            return MASKED, refused
        if self.covers is not None and self.covers.boxes:
            return COVERED, self.covers.boxes[0]
        sure = [plate for plate in self.seen if plate.line.score >= (LOW_SEEN_FLOOR if _is_low(plate) else SEEN_FLOOR)]
        if not sure:
            return NOT_FOUND, None
        widest = max(sure, key=lambda plate: plate.line.width)
        if self.masked.reached(widest.line.box, PLATE_REACH):
            return MASKED, widest.line.box
        # Looked at closer, a plate is seen with some of what is around it.
        low = any(_is_low(plate) and overlap(plate.line.box, widest.line.box) > SAME_PLATE for plate in sure)
        return TOO_FEW_PIXELS if low else ILLEGIBLE, widest.line.box

    @property
    def all_too_low(self) -> bool:
        """Whether rows of text were found and every one of them is too low to be read."""
        return 0.0 < self.plates.tallest_px < MIN_LINE_HEIGHT_PX


def _is_low(plate: FoundPlate) -> bool:
    return plate.line.height < LEGIBLE_ROW_PX * plate.rows
