"""Which picture of a request stands in which slot of GATHER_INFO. Pure.

Front and rear are those of the drive direction, as the lane's cameras are placed, so CONTA_PIC_F and _B take the
pictures of the places front and rear. Of a side the field has two slots, its front half and its rear half: a vehicle
drives past the camera with its front first, so the first picture of the side is the front half's and the last the rear
half's; one picture of a vehicle that stands shows both, and stands in both.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any, Literal


@dataclass(frozen=True, slots=True)
class Pictured:
    """One picture as a request names it: the view, what is looked for in it, its SHA-256 (hex)."""

    view: str
    reads: tuple[str, ...]
    digest: str


@dataclass(frozen=True, slots=True)
class Slot:
    """The first or the last picture of a view in which something (`reads`: plate, container) is looked for."""

    view: str
    reads: str = "container"
    which: Literal["first", "last"] = "last"


SLOTS: Mapping[str, Slot] = MappingProxyType(
    {
        "picture_f": Slot("front"),
        "picture_b": Slot("rear"),
        "picture_lf": Slot("left", which="first"),
        "picture_lb": Slot("left", which="last"),
        "picture_rf": Slot("right", which="first"),
        "picture_rb": Slot("right", which="last"),
        "plate_picture": Slot("front", "plate"),
    }
)


def pictured(claims: Mapping[str, Any]) -> tuple[Pictured, ...]:
    """Return what a request tells of its pictures, oldest first of each view; a lane of an earlier version tells none.

    Raises KeyError, TypeError or ValueError for another form, or a picture that is no evidence of the request.
    """
    found = tuple(Pictured(one["view"], tuple(one["reads"]), one["sha256"]) for one in claims.get("views", ()))
    if any(one.digest not in claims["evidence"] for one in found):
        raise ValueError("a view of a picture that the request does not name")
    return found


def filled(slots: Mapping[str, Slot], pictures: Sequence[Pictured]) -> dict[str, str]:
    """Return the digest of each slot; "" where no picture shows its view."""
    return {field: _digest(slot, pictures) for field, slot in slots.items()}


def _digest(slot: Slot, pictures: Sequence[Pictured]) -> str:
    found = [one.digest for one in pictures if one.view == slot.view and slot.reads in one.reads]
    return "" if not found else found[0] if slot.which == "first" else found[-1]
