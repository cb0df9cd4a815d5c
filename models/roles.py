"""What a model is registered for, and what the lane hands to it and takes from it: a file that fits is in its place."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from edge.core.plate import PROVINCES

# In shapes: one picture at a time, so a batch of one is as good as any; a side that differs from picture to picture.
ONE: Final = "one"
ANY: Final = "any"
Side = int | str
# I and O stand on no plate, and a reader of plates alone need not know them.
_IN_ALL_CODES: Final = "0123456789ABCDEFGHJKLMNPQRSTUVWXYZ"


@dataclass(frozen=True, slots=True)
class Role:
    """One place for a model: the shape that it takes, the one that it gives, the characters that its file must name.

    A reader (`characters`) answers with one column for each of its characters, one for none and one for a space.
    """

    takes: tuple[Side, ...]
    gives: tuple[Side, ...]
    characters: str = ""
    required: bool = True


_PICTURE: Final[tuple[Side, ...]] = (ONE, 3, ANY, ANY)
_LINE: Final[tuple[Side, ...]] = (ONE, 3, 48, ANY)
_TEXTS = Role(_PICTURE, (ONE, 1, ANY, ANY))
_READER = Role(_LINE, (ONE, ANY, ANY), _IN_ALL_CODES)
ROLES: Final[dict[str, Role]] = {
    "text_detector": _TEXTS,
    "code_detector": _TEXTS,
    "plate_detector": Role(_PICTURE, (ONE, 10, ANY, ANY)),
    "text_reader": _READER,
    "plate_reader": Role(_LINE, (ONE, ANY, ANY), _IN_ALL_CODES + PROVINCES),
    "column_reader": _READER,
    "cover_detector": Role((ONE, 3, 32, 128), (ONE, 1, 1, 32)),
    "vehicle_detector": Role(_PICTURE, (ONE, 48, ANY), required=False),
}
REQUIRED: Final = tuple(name for name, role in ROLES.items() if role.required)


def fits(declared: Sequence[object], wanted: tuple[Side, ...], *, fixed: bool) -> bool:
    """Say whether a model that declares this shape is `wanted`; `fixed` where a side may be ANY and yet a number.

    What is no number in `declared` is left open by the model, an empty shape altogether.
    """
    if not declared:
        return True
    return len(declared) == len(wanted) and all(
        not isinstance(said, int) or said == side or (side == ONE and said == 1) or (side == ANY and fixed)
        for said, side in zip(declared, wanted, strict=True)
    )


def spelt(shape: Sequence[object]) -> str:
    """Return a shape as people read it. Sides that a model leaves open have names of its own: they are not told."""
    sides = (str(side) if isinstance(side, int) or side in (ONE, ANY) else ANY for side in shape)
    return f"[{', '.join(sides)}]"
