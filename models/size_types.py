"""Finds the size and type code (45G1) that is painted near a container code."""

from collections import Counter

import numpy as np

from edge.core.container import is_size_type
from models.detector import TextLine

SIZE_TYPE_LENGTH = 4
# Under or beside the code, at most this many of its row heights away.
REACH_ROWS = 8.0
# Readings of a column that have to hold the same size and type.
MIN_AGREEING = 2
_TO_DIGIT = str.maketrans("OQDIZSBL", "00012581")
# A 0 is no G: weights end in it (32500).
_TO_LETTER = str.maketrans("6C", "GG")
# A country stood behind the code until 1995, with two or three letters.
COUNTRY_LENGTHS = (2, 3)
# Codes of 1984 are digits alone, as are weights and volumes on the same door: only the common ones are taken.
_COMMON_1984 = frozenset({"2210", "2200", "2230", "2250", "2270", "4310", "4300", "4500", "4510", "4332", "4532"})


def size_type_in(text: str) -> str | None:
    """Return the size and type code that `text` ends or begins with, repaired by position, or None."""
    for part in {text[-SIZE_TYPE_LENGTH:], text[:SIZE_TYPE_LENGTH]}:
        if len(part) < SIZE_TYPE_LENGTH:
            continue
        if is_size_type(part) and not part.isdigit():
            return part
        repaired = part[:2].translate(_TO_DIGIT) + part[2].translate(_TO_LETTER) + part[3].translate(_TO_DIGIT)
        of_digits = part.isdigit() and part != text
        if part not in _COMMON_1984 and not of_digits and repaired[2:] in ("G0", "G1") and _is_usual(repaired):
            return repaired
        if part in _COMMON_1984 and part == text:
            return part
    return None


def is_behind_a_code(text: str) -> bool:
    """Say whether `text` is what may follow a code in its row: a size and type as read, behind a country perhaps."""
    country, part = text[:-SIZE_TYPE_LENGTH], text[-SIZE_TYPE_LENGTH:]
    if country and not (country.isalpha() and len(country) in COUNTRY_LENGTHS):
        return False
    return part in _COMMON_1984 or (is_size_type(part) and not part.isdigit())


def agreed_size_type(texts: list[str]) -> str | None:
    """Return the size and type that most readings of one column hold, two at least, or None where two hold another.

    A column of its own, next to that of the code, is often found together with a mark under it.
    """
    counted = Counter(found for text in texts if (found := _usual_within(text)) is not None)
    ranked = counted.most_common(2)
    if not ranked or ranked[0][1] < MIN_AGREEING or (len(ranked) > 1 and ranked[1][1] >= MIN_AGREEING):
        return None
    return ranked[0][0]


def _usual_within(text: str) -> str | None:
    """Return the first size and type of a usual kind that stands anywhere in `text`, repaired by position."""
    for at in range(len(text) - SIZE_TYPE_LENGTH + 1):
        part = text[at : at + SIZE_TYPE_LENGTH]
        repaired = part[:2].translate(_TO_DIGIT) + part[2].translate(_TO_LETTER) + part[3].translate(_TO_DIGIT)
        if part not in _COMMON_1984 and _is_usual(repaired) and not repaired.isdigit():
            return repaired
    return None


def _is_usual(text: str) -> bool:
    return text[:2] in ("22", "42", "45", "25", "L5") and is_size_type(text)


def size_type_near(code: list[TextLine], lines: list[tuple[TextLine, str]]) -> str | None:
    """Return the size and type nearest to the `code`'s lines, preferring what stands below or beside; or None."""
    row = float(np.median([min(line.height, line.width) for line in code]))
    points = np.concatenate([line.corners for line in code])
    low, high = points.min(axis=0), points.max(axis=0)
    found: list[tuple[float, str]] = []
    for line, text in lines:
        size_type = size_type_in(text)
        if size_type is None:
            continue
        centre = line.corners.mean(axis=0)
        away = float(np.linalg.norm(np.maximum(0, np.maximum(low - centre, centre - high))))
        if away <= REACH_ROWS * row:
            found.append((away, size_type))
    return min(found)[1] if found else None
