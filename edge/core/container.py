"""Freight container identification (ISO 6346): code, check digit, size and type.

The check digit is weakest where optical reading is weakest: letters whose values are equal modulo 11
cannot be told apart by it (`SAME_CHECK_VALUE`), and a 0 confirms two remainders (`also_ending_in_zero`).
"""

import re
import unicodedata
from dataclasses import dataclass
from typing import Literal

ContainerCheck = Literal["verified", "inferred", "failed"]

_CODE = re.compile(r"^[A-Z]{3}[UJZ][0-9]{7}$")
_STEM = re.compile(r"^[A-Z]{3}[UJZ][0-9]{6}$")
# Letter values skip the multiples of 11 (ISO 6346, annex A): A=10, B=12 ... K=21, L=23 ... U=32, V=34 ... Z=38.
LETTER_VALUES: dict[str, int] = dict(
    zip("ABCDEFGHIJKLMNOPQRSTUVWXYZ", (value for value in range(10, 39) if value % 11), strict=True)
)
SAME_CHECK_VALUE: tuple[str, ...] = tuple(
    "".join(same)
    for same in (
        [letter for letter, value in LETTER_VALUES.items() if value % 11 == remainder] for remainder in range(11)
    )
    if len(same) > 1
)

# What may stand in each of the first ten places.
_PLACES = ("".join(LETTER_VALUES),) * 3 + ("UJZ",) + ("0123456789",) * 6

_TO_LETTER = str.maketrans("012568", "OIZSGB")
_TO_DIGIT = str.maketrans("OIZSGB", "012568")

_LENGTHS: dict[str, str] = {
    "1": "10 ft", "2": "20 ft", "3": "30 ft", "4": "40 ft", "B": "24 ft", "C": "24 ft 6 in", "G": "41 ft",
    "H": "43 ft", "L": "45 ft", "M": "48 ft", "N": "49 ft", "P": "53 ft",
}  # fmt: skip
_HEIGHTS: dict[str, str] = {
    "0": "8 ft", "2": "8 ft 6 in", "4": "9 ft", "5": "9 ft 6 in", "6": "over 9 ft 6 in", "8": "4 ft 3 in",
    "9": "4 ft or less", "C": "8 ft 6 in, wide", "D": "9 ft, wide", "E": "9 ft 6 in, wide",
    "F": "over 9 ft 6 in, wide", "L": "8 ft 6 in, extra wide", "M": "9 ft, extra wide",
    "N": "9 ft 6 in, extra wide", "P": "over 9 ft 6 in, extra wide",
}  # fmt: skip
_TYPES: dict[str, str] = {
    "G": "general purpose", "V": "ventilated", "B": "dry bulk", "S": "named cargo", "R": "reefer",
    "H": "thermal, removable equipment", "U": "open top", "P": "platform or flat rack", "T": "tank", "A": "air",
}  # fmt: skip
_SIZE_TYPE = re.compile(rf"^[{''.join(_LENGTHS)}][{''.join(_HEIGHTS)}][{''.join(_TYPES)}][0-9]$")
# Codes of the 1984 edition are digits alone and are still painted on boxes in service (4310, 2210).
_SIZE_TYPE_1984 = re.compile(r"^[1-4][0-9][0-9]{2}$")


@dataclass(frozen=True, slots=True)
class Container:
    """One container code of 11 characters, how its check digit was established, size and type if read."""

    code: str
    check: ContainerCheck
    size_type: str | None = None
    repaired: bool = False


def check_digit(stem: str) -> int:
    """Return the check digit of the first ten characters; a remainder of 10 becomes 0.

    Raises ValueError where `stem` is not three letters, U, J or Z, and six digits.
    """
    if not _STEM.fullmatch(stem):
        raise ValueError(f"not the first ten characters of a container code: {stem!r}")
    return _remainder(stem) % 10


def also_ending_in_zero(code: str) -> tuple[str, ...]:
    """Return for each of the first ten characters of `code` what may stand there instead, and the digit is still 0.

    A check digit finds every single character that is misread as one of another value, but a 0 stands for a remainder
    of 0 and of 10: there about one other character in each place passes. Nothing passes (empty strings) where `code`
    does not end in a 0 that agrees. Raises ValueError where `code` is not 11 characters as `check_digit` asks.
    """
    stem = code[:10]
    if check_digit(stem) != 0 or code[10] != "0":
        return ("",) * len(stem)
    # Where the weighted sum moves by so much, it has the other remainder.
    moved = 1 if _remainder(stem) else 10
    return tuple(
        "".join(other for other in _PLACES[place] if (_value(other) - _value(one) << place) % 11 == moved)
        for place, one in enumerate(stem)
    )


def _remainder(stem: str) -> int:
    return sum(_value(one) << place for place, one in enumerate(stem)) % 11


def _value(character: str) -> int:
    return LETTER_VALUES[character] if character in LETTER_VALUES else int(character)


def repair_by_position(text: str) -> str:
    """Replace characters that cannot stand in their place by what they are mistaken for (0 and O, 1 and I ...).

    Positions 1-4 are letters, all others digits. Done before the check digit is looked at and never guided
    by it: one change in ten would pass by chance.
    """
    return text[:4].translate(_TO_LETTER) + text[4:].translate(_TO_DIGIT)


def parse_container(raw: str, size_type: str | None = None) -> Container | None:
    """Return the container that `raw` (11 characters, or 10 without the check digit) spells, or None.

    `check` is `verified` where the painted digit agrees, `failed` where it does not, and `inferred` where
    only ten characters were given and the digit was computed.
    """
    text = re.sub(r"[\s\-./_\[\]|]+", "", unicodedata.normalize("NFKC", raw)).upper()
    repaired = repair_by_position(text)
    size = size_type if size_type is not None and is_size_type(size_type) else None
    if _STEM.fullmatch(repaired):
        return Container(f"{repaired}{check_digit(repaired)}", "inferred", size, repaired != text)
    if not _CODE.fullmatch(repaired):
        return None
    agrees = check_digit(repaired[:10]) == int(repaired[10])
    return Container(repaired, "verified" if agrees else "failed", size, repaired != text)


def is_size_type(text: str) -> bool:
    """Say whether `text` is a size and type code of ISO 6346 (45G1) or of its 1984 edition (4310)."""
    return bool(_SIZE_TYPE.fullmatch(text) or _SIZE_TYPE_1984.fullmatch(text))


def describe_size_type(text: str) -> str:
    """Return length, height and type in words; raises ValueError for anything but a size and type code."""
    if _SIZE_TYPE.fullmatch(text):
        return f"{_LENGTHS[text[0]]}, {_HEIGHTS[text[1]]}, {_TYPES[text[2]]}"
    if _SIZE_TYPE_1984.fullmatch(text):
        return f"{_LENGTHS[text[0]]}, type code of 1984: {text}"
    raise ValueError(f"not a size and type code: {text!r}")
