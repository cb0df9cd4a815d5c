"""From the reader's probabilities to characters: the top reading, and the best one that fits a grammar."""

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from models.pixels import Array
from models.reader import ALPHABET, BLANK, COLUMN

# Steps where a character has less than this are not followed: they cannot end up in a reading that is accepted.
FOLLOW_FLOOR = 1e-3
BEAM_WIDTH = 12


@dataclass(frozen=True, slots=True)
class Glyph:
    """One character, its probability, and where it stands along the line (0.0 left to 1.0 right)."""

    character: str
    confidence: float
    place: float


@dataclass(frozen=True, slots=True)
class Spelling:
    """A reading of a line: its characters and the confidence of the weakest of them."""

    text: str
    confidence: float


def cut_to(probabilities: Array, characters: str) -> tuple[str, Array]:
    """Return blank and `characters` alone, each step summing to one."""
    kept = "\0" + characters
    columns = probabilities[:, [COLUMN[c] if c != "\0" else BLANK for c in kept]]
    total = columns.sum(axis=1, keepdims=True)
    return kept, np.asarray(columns / np.maximum(total, 1e-9), np.float32)


def top_glyphs(probabilities: Array, alphabet: str = ALPHABET) -> list[Glyph]:
    """Return the characters of the most probable column of each step, repeats joined, blanks dropped."""
    best = probabilities.argmax(axis=1)
    steps = len(best)
    glyphs: list[Glyph] = []
    previous = BLANK
    for step, column in enumerate(best):
        if column != BLANK:
            value = float(probabilities[step, column])
            if column != previous:
                glyphs.append(Glyph(alphabet[column], value, (step + 0.5) / steps))
            elif value > glyphs[-1].confidence:
                glyphs[-1] = Glyph(alphabet[column], value, glyphs[-1].place)
        previous = int(column)
    return glyphs


def spelling_of(glyphs: list[Glyph]) -> Spelling:
    """Return the text of `glyphs` and the smallest confidence (0.0 where there are none)."""
    return Spelling("".join(g.character for g in glyphs), min((g.confidence for g in glyphs), default=0.0))


# The best way to a prefix: log probability, weakest character, peak of the last one. A tuple: this is the inner loop.
_Path = tuple[float, float, float]
_Paths = dict[tuple[str, bool], _Path]


def best_fitting(
    probabilities: Array, alphabet: str, may_follow: Callable[[str], str], complete: Callable[[str], bool]
) -> tuple[Spelling, float] | None:
    """Return the most probable complete spelling and its share among all complete ones, or None.

    `may_follow` gives the characters that a prefix may continue with. One best path a prefix is kept, and
    `BEAM_WIDTH` prefixes a step.
    """
    # Whether a blank was seen since the last character is part of the prefix: AA needs one between.
    paths: _Paths = {("", True): (0.0, 1.0, 1.0)}
    for row in probabilities.tolist():
        followed = [
            (alphabet[column], value, math.log(value))
            for column, value in enumerate(row)
            if value > FOLLOW_FLOOR and column != BLANK
        ]
        paths = _step(paths, max(row[BLANK], 1e-6), followed, may_follow)
    complete_paths: dict[str, _Path] = {}
    for (text, _), path in paths.items():
        known = complete_paths.get(text)
        if complete(text) and (known is None or path[0] > known[0]):
            complete_paths[text] = path
    if not complete_paths:
        return None
    text, (log, weakest, peak) = max(complete_paths.items(), key=lambda item: item[1][0])
    share = 1.0 / sum(math.exp(other[0] - log) for other in complete_paths.values())
    return Spelling(text, min(weakest, peak)), share


def _step(
    paths: _Paths,
    blank: float,
    followed: list[tuple[str, float, float]],
    may_follow: Callable[[str], str],
) -> _Paths:
    following: _Paths = {}
    blank_log = math.log(blank)
    for (text, after_blank), (log, weakest, peak) in paths.items():
        # A character that was seen and is left out weakens a reading as much as one that was not seen and is put in.
        offers = [((text, True), (log + blank_log, min(weakest, blank), peak))]
        if followed:
            allowed = may_follow(text)
            last = text[-1:] if not after_blank else ""
            for character, value, value_log in followed:
                if character == last:
                    offers.append(((text, False), (log + value_log, weakest, max(peak, value))))
                elif character in allowed:
                    offers.append(((text + character, False), (log + value_log, min(weakest, peak), value)))
        for prefix, path in offers:
            known = following.get(prefix)
            if known is None or path[0] > known[0]:
                following[prefix] = path
    if len(following) <= BEAM_WIDTH:
        return following
    kept = sorted(following.items(), key=lambda item: -item[1][0])[:BEAM_WIDTH]
    return dict(kept)
