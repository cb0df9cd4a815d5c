"""Which lines of text one container code may stand in: pieces of its shape, of one height, close to each other.

All of this is decided before a check digit is looked at: of ten numbers that are joined by chance one agrees with it.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import accumulate, pairwise

import numpy as np

from models.decode import Glyph, cut_to, top_glyphs
from models.detector import TextLine
from models.lines import ReadLine, stands_above, stands_left
from models.look_alikes import share_of, shares_of_one_value
from models.pixels import Array
from models.reader import CODE_CHARACTERS
from models.size_types import SIZE_TYPE_LENGTH, size_type_in

CODE_LENGTH = 11
OWNER_LENGTH = 4
MAX_PIECES = 4
MAX_CHAINS = 400
# Where a code is divided between its lines: behind the owner, behind half of the number, before the check digit.
DIVIDED_AT = frozenset({4, 7, 10})
# In the codes of 257 photographs: pieces on one level 0.77 heights apart, and 0.52 to 1.4 times as high as the next
# one; rows 0.1 heights apart and less, 0.81 to 1.16 times as high, their beginnings 0.1 heights aside.
BESIDE_GAP, BESIDE_HEIGHTS = 1.2, (0.5, 1.7)
BENEATH_GAP, BENEATH_HEIGHTS, BENEATH_ASIDE = 1.1, (0.65, 1.5), 1.0
# From the middle of a character to that of the next, in those before: more, and one between them was not read.
NEXT_CHARACTER = 1.6
MIN_GLYPHS_FOR_PITCH = 2


@dataclass(frozen=True, slots=True, eq=False)
class CodeLine:
    """A line and its top answer in the characters of codes; `others` what another letter of its value has beside it."""

    read: ReadLine
    glyphs: tuple[Glyph, ...]
    others: tuple[float, ...]

    @property
    def text(self) -> str:
        """The top answer as text."""
        return "".join(glyph.character for glyph in self.glyphs)

    def share(self, at: int, characters: str) -> float:
        """Return the greatest probability that one of `characters` has where glyph `at` stands."""
        alphabet, columns = cut_to(self.read.probabilities, CODE_CHARACTERS)
        return share_of(characters, self.glyphs[at], columns, alphabet)


def code_line(line: ReadLine) -> CodeLine:
    """Return `line` with its top answer among letters and digits."""
    alphabet, columns = cut_to(line.probabilities, CODE_CHARACTERS)
    glyphs = tuple(top_glyphs(columns, alphabet))
    return CodeLine(line, glyphs, shares_of_one_value(glyphs, columns, alphabet))


def chains(lines: list[CodeLine], beginning: list[CodeLine]) -> Iterator[tuple[CodeLine, ...]]:
    """Yield runs of `lines` that may hold one code, from those of `beginning` on: to the right, or from row to row."""
    stack: list[tuple[CodeLine, ...]] = [(line,) for line in beginning]
    produced = 0
    while stack and produced < MAX_CHAINS:
        chain = stack.pop()
        produced += 1
        yield chain
        if len(chain) == MAX_PIECES or sum(len(piece.glyphs) for piece in chain) > CODE_LENGTH + OWNER_LENGTH:
            continue
        for line in lines:
            if any(line is piece for piece in chain) or not line.glyphs or _is_size_type_alone(line.text):
                continue
            if _beside(chain[-1].read.line, line.read.line) or _beneath(chain[-1].read.line, line.read.line):
                stack.append((*chain, line))


def _is_size_type_alone(text: str) -> bool:
    """Say whether a line is a size and type, its G perhaps read as 6 (2261): as digits it would end a wrong code."""
    return len(text) == SIZE_TYPE_LENGTH and size_type_in(text) is not None


def _beside(left: TextLine, right: TextLine) -> bool:
    return stands_left(left, right, BESIDE_GAP) and _as_high(left, right, BESIDE_HEIGHTS)


def _beneath(upper: TextLine, lower: TextLine) -> bool:
    aside = abs(float(upper.corners[[0, 3], 0].mean() - lower.corners[[0, 3], 0].mean()))
    near = stands_above(upper, lower, BENEATH_GAP) and aside < BENEATH_ASIDE * max(upper.height, lower.height)
    return near and _as_high(upper, lower, BENEATH_HEIGHTS)


def _as_high(one: TextLine, other: TextLine, limits: tuple[float, float]) -> bool:
    return limits[0] <= one.height / max(other.height, 1.0) <= limits[1]


def fits_together(chain: tuple[CodeLine, ...]) -> bool:
    """Say whether a code is divided between the lines of `chain` as codes are: owner, number, check digit.

    Elsewhere it is cut by what stands before it, a bar or a crease: then no character may be missing in between.
    """
    ends = accumulate(len(piece.glyphs) for piece in chain[:-1])
    return all(end in DIVIDED_AT or _adjoins(*two) for end, two in zip(ends, pairwise(chain), strict=True))


def _adjoins(left: CodeLine, right: CodeLine) -> bool:
    if not _beside(left.read.line, right.read.line) or len(left.glyphs) < MIN_GLYPHS_FOR_PITCH:
        return False
    first, *_, last = (_point(left, glyph) for glyph in left.glyphs)
    pitch = float(np.linalg.norm(last - first)) / (len(left.glyphs) - 1)
    return float(np.linalg.norm(_point(right, right.glyphs[0]) - last)) <= NEXT_CHARACTER * pitch


def _point(line: CodeLine, glyph: Glyph) -> Array:
    """Return where `glyph` stands in the picture."""
    corners = line.read.line.corners
    along = (corners[1] + corners[2] - corners[0] - corners[3]) / 2
    return np.asarray((corners[0] + corners[3]) / 2 + along * glyph.place, np.float32)
