"""The order of characters on plates, for reading letter by letter: what may follow, and what is a whole plate.

`edge.core.plate` has the grammar of whole plates; this is the same one seen from a beginning.
"""

import functools

from edge.core.plate import PROVINCES, canonical_plate_text, plate_kind
from models.reader import CODE_CHARACTERS, PLATE_SPECIALS

_LETTERS = "ABCDEFGHJKLMNPQRSTUVWXYZ"
_SECOND = _LETTERS + "O"
_DIGITS = "0123456789"
_SERIAL = _LETTERS + _DIGITS
_NEW_ENERGY = "ABCDEFGHJK"

_SHAPES: tuple[tuple[str, ...], ...] = (
    (PROVINCES, _SECOND, _SERIAL, _SERIAL, _SERIAL, _SERIAL, _SERIAL + "学警港澳挂"),
    (PROVINCES, _LETTERS, _NEW_ENERGY, _SERIAL, _DIGITS, _DIGITS, _DIGITS, _DIGITS),
    (PROVINCES, _LETTERS, _DIGITS, _DIGITS, _DIGITS, _DIGITS, _DIGITS, _NEW_ENERGY),
    (PROVINCES, _LETTERS, _DIGITS, _DIGITS, _DIGITS, _DIGITS, "领"),
    (PROVINCES, _LETTERS, _DIGITS, _DIGITS, _DIGITS, _DIGITS, _DIGITS, "领"),
    (PROVINCES, _DIGITS, _DIGITS, _DIGITS, _DIGITS, "领"),
    (PROVINCES, _DIGITS, _DIGITS, _DIGITS, _DIGITS, _DIGITS, "领"),
    (PROVINCES, "XS", _SERIAL, _SERIAL, _SERIAL, _SERIAL, "应", "急"),
    ("应", "急", PROVINCES, "XS", _SERIAL, _SERIAL, _SERIAL, _SERIAL),
    ("使", *(_DIGITS,) * 6),
    (*(_DIGITS,) * 6, "使"),
    ("W", "J", *(_DIGITS,) * 4, _DIGITS + "TDSHBXJ"),
    ("W", "J", PROVINCES, *(_DIGITS,) * 4, _DIGITS + "TDSHBXJ"),
    ("W", "J", *(_DIGITS,) * 7),
    (_LETTERS, _LETTERS, *(_DIGITS,) * 5),
)
PLATE_CHARACTERS = CODE_CHARACTERS.replace("I", "") + PROVINCES + PLATE_SPECIALS


@functools.lru_cache(maxsize=20_000)
def may_follow(prefix: str) -> str:
    """Return the characters that may stand after `prefix` on a plate of any kind."""
    place = len(prefix)
    allowed: set[str] = set()
    for shape in _SHAPES:
        if place < len(shape) and all(c in part for c, part in zip(prefix, shape, strict=False)):
            allowed.update(shape[place])
    return "".join(sorted(allowed))


@functools.lru_cache(maxsize=20_000)
def is_complete(text: str) -> bool:
    """Say whether `text` is a whole plate of some kind."""
    return plate_kind(canonical_plate_text(text)) is not None
