"""What a person types of plates and containers, in the one form in which the core compares it."""

import unicodedata
from collections.abc import Mapping, Sequence
from typing import Any

from edge.core.plate import canonical_plate_text

# Longer is neither a plate nor a code, however it is spaced.
_LONGEST = 32
_MOST = 8
# What people type between the parts of a container code.
_BETWEEN = str.maketrans("", "", " -./_")

Words = tuple[tuple[tuple[str, str], ...], tuple[str, ...]]


def typed_words(plates: Mapping[str, Any], containers: Sequence[Any]) -> Words | None:
    """Return plates by place and container codes in canonical form; None where they are no short texts.

    Case, width and what separates the parts of a text are a matter of typing. No character is taken for another one:
    what a person did not type they did not say.
    """
    texts = (*plates, *plates.values(), *containers)
    short = len(texts) <= _MOST and all(isinstance(one, str) and 0 < len(one) <= _LONGEST for one in texts)
    if not short or not all(one.isprintable() for one in texts):
        return None
    said = tuple((place, canonical_plate_text(text)) for place, text in sorted(plates.items()))
    codes = tuple(unicodedata.normalize("NFKC", one).translate(_BETWEEN).upper() for one in containers)
    return said, codes
