"""What a named person says of a vehicle from its pictures, where the lane read nothing (补采). Never a reading."""

from dataclasses import dataclass, replace

from edge.core.container import Container, parse_container
from edge.core.plate import Plate, parse_plate
from edge.core.readings import Identity, Reading


@dataclass(frozen=True, slots=True)
class Supplement:
    """The words of `operator`: plates by place (front, rear), container codes front to rear.

    `first_operator` said exactly the same before, where two persons have to.
    """

    operator: str
    reason: str
    plates: tuple[tuple[str, str], ...] = ()
    containers: tuple[str, ...] = ()
    first_operator: str | None = None

    def plate(self, place: str) -> str | None:
        """Return the plate that was said for a place, or None."""
        return dict(self.plates).get(place)


def known(identity: Identity, supplement: Supplement | None) -> Identity:
    """Return what is known of a vehicle by readings and words together: to know it again, and to see two vehicles.

    Nothing is asked of an authority or opened by this: there a word is told as a word.
    """
    if supplement is None:
        return identity
    plates = tuple((place, _said_plate(supplement.plate(place)) or reading) for place, reading in identity.plates)
    boxes = tuple(box for code in supplement.containers if (box := parse_container(code)) is not None)
    return replace(identity, plates=plates, containers=_said_boxes(boxes) if boxes else identity.containers)


def _said_plate(text: str | None) -> Reading[Plate] | None:
    plate = None if text is None else parse_plate(text)
    return None if plate is None else Reading("read", plate, reason="said")


def _said_boxes(boxes: tuple[Container, ...]) -> Reading[tuple[Container, ...]]:
    return Reading("read", boxes, reason="said")
