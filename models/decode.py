"""From the reader's probabilities to characters: the top reading, and the best one that fits a grammar."""

import functools
import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from models.pixels import Array
from models.reader import ALPHABET, BLANK, COLUMN

# Steps where a character has less than this are not followed: they cannot end up in a reading that is accepted.
FOLLOW_FLOOR = 1e-3
BEAM_WIDTH = 12
# Where the top answer is complete, a beginning this much less likely than the best is left: it cannot win, and what all
# that ends from it would change of a share is less than a share is told with.
LEFT_BELOW = math.log(1e-6)


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
    columns = probabilities[:, _columns_of(kept)]
    total = columns.sum(axis=1, keepdims=True)
    return kept, np.asarray(columns / np.maximum(total, 1e-9), np.float32)


@functools.cache
def _columns_of(kept: str) -> NDArray[np.intp]:
    return np.array([COLUMN[c] if c != "\0" else BLANK for c in kept], np.intp)


def top_glyphs(probabilities: Array, alphabet: str = ALPHABET) -> list[Glyph]:
    """Return the characters of the most probable column of each step, repeats joined, blanks dropped."""
    best: list[int] = probabilities.argmax(axis=1).tolist()
    values: list[float] = probabilities.max(axis=1).tolist()
    steps = len(best)
    glyphs: list[Glyph] = []
    previous = BLANK
    for step, (column, value) in enumerate(zip(best, values, strict=True)):
        if column != BLANK:
            if column != previous:
                glyphs.append(Glyph(alphabet[column], value, (step + 0.5) / steps))
            elif value > glyphs[-1].confidence:
                glyphs[-1] = Glyph(alphabet[column], value, glyphs[-1].place)
        previous = column
    return glyphs


def spelling_of(glyphs: list[Glyph]) -> Spelling:
    """Return the text of `glyphs` and the smallest confidence (0.0 where there are none)."""
    return Spelling("".join(g.character for g in glyphs), min((g.confidence for g in glyphs), default=0.0))


# The best way to a prefix: log probability, weakest character, peak of the last one. A tuple: this is the inner loop.
_Path = tuple[float, float, float]
# Whether a blank was seen since the last character is part of the prefix: AA needs one between.
_Paths = dict[tuple[str, bool], _Path]
# The log and the value of a step's blank, and what may be followed in it: character, value, log.
_Row = tuple[float, float, list[tuple[str, float, float]]]


def best_fitting(
    probabilities: Array, alphabet: str, may_follow: Callable[[str], str], complete: Callable[[str], bool]
) -> tuple[Spelling, float] | None:
    """Return the most probable complete spelling and its share among all complete ones, or None.

    `may_follow` gives the characters that a prefix may continue with. One best path a prefix is kept, and
    `BEAM_WIDTH` prefixes a step.
    """
    rows = _rows(probabilities, alphabet)
    top = spelling_of(top_glyphs(probabilities, alphabet)).text
    if complete(top):
        found = _best_of(_searched(rows, may_follow, LEFT_BELOW), complete)
        if found is not None and found[0].text == top:
            return found
    return _best_of(_searched(rows, may_follow, -math.inf), complete)


def _rows(probabilities: Array, alphabet: str) -> list[_Row]:
    """Return the steps; those in which nothing but the blank may be followed are one with the next such ones."""
    blanks: list[float] = np.maximum(probabilities[:, BLANK], 1e-6).tolist()
    followed: list[list[tuple[str, float, float]]] = [[] for _ in blanks]
    steps, columns = np.nonzero(probabilities > FOLLOW_FLOOR)
    values: list[float] = probabilities[steps, columns].tolist()
    for step, column, value in zip(steps.tolist(), columns.tolist(), values, strict=True):
        if column != BLANK:
            followed[step].append((alphabet[column], value, math.log(value)))
    rows: list[_Row] = []
    for blank, characters in zip(blanks, followed, strict=True):
        if not characters and rows and not rows[-1][2]:
            rows[-1] = (rows[-1][0] + math.log(blank), min(rows[-1][1], blank), characters)
        else:
            rows.append((math.log(blank), blank, characters))
    return rows


def _searched(rows: list[_Row], may_follow: Callable[[str], str], left_below: float) -> _Paths:
    paths: _Paths = {("", True): (0.0, 1.0, 1.0)}
    # The log of the top answer so far: what it may continue with is never left.
    top = 0.0
    for row in rows:
        top += max(row[0], *(log for _, _, log in row[2])) if row[2] else row[0]
        paths = _step(paths, row, may_follow, top + left_below)
    return paths


def _best_of(paths: _Paths, complete: Callable[[str], bool]) -> tuple[Spelling, float] | None:
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


def _step(paths: _Paths, row: _Row, may_follow: Callable[[str], str], floor: float) -> _Paths:
    blank_log, blank, followed = row
    following: _Paths = {}
    for (text, after_blank), (log, weakest, peak) in paths.items():
        # A character that was seen and is left out weakens a reading as much as one that was not seen and is put in.
        likely = log + blank_log
        if likely >= floor:
            known = following.get((text, True))
            if known is None or likely > known[0]:
                following[text, True] = (likely, min(weakest, blank), peak)
        if not followed:
            continue
        allowed = may_follow(text)
        last = "" if after_blank else text[-1:]
        for character, value, value_log in followed:
            likely = log + value_log
            if likely < floor or (character != last and character not in allowed):
                continue
            prefix = (text, False) if character == last else (text + character, False)
            known = following.get(prefix)
            if known is None or likely > known[0]:
                following[prefix] = (
                    (likely, weakest, max(peak, value)) if character == last else (likely, min(weakest, peak), value)
                )
    if len(following) <= BEAM_WIDTH:
        return following
    kept = sorted(following.items(), key=lambda item: -item[1][0])[:BEAM_WIDTH]
    return dict(kept)
