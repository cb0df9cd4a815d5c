"""What the check digit cannot tell apart: letters of an owner whose values are equal modulo 11, as F and P.

Half a P is an F, an R in the shade an H, and either agrees with the digit. Only what the reader itself gives to another
letter tells that it may be that one. So it is with every character of a code whose check digit is a 0, which stands for
two remainders (`edge.core.container.also_ending_in_zero`).
"""

from edge.core.container import SAME_CHECK_VALUE
from models.decode import Glyph
from models.pixels import Array

# Pairs of one value of which one is about what is left of the other where a part is covered, worn or in the shade: as
# such they were misread on photographs of which a part of one letter was painted over (docs/recognition.md).
LOOK_ALIKE = frozenset("FPHRGQBLMWJT")
OF_ONE_VALUE: dict[str, str] = {
    letter: same.replace(letter, "") for same in SAME_CHECK_VALUE for letter in same if letter.isalpha()
}


def shares_of_one_value(glyphs: tuple[Glyph, ...], columns: Array, alphabet: str) -> tuple[float, ...]:
    """Return for each of `glyphs` the greatest probability that a letter of its value has in the same step."""
    return tuple(share_of(OF_ONE_VALUE.get(glyph.character, ""), glyph, columns, alphabet) for glyph in glyphs)


def share_of(characters: str, glyph: Glyph, columns: Array, alphabet: str) -> float:
    """Return the greatest probability that one of `characters` has in the step of `glyph`; 0.0 of none."""
    step = columns[int(glyph.place * len(columns))]
    return max((float(step[alphabet.index(one)]) for one in characters), default=0.0)
