"""What devices observed and what the lane concluded from it.

Times are milliseconds of the lane's monotonic clock. Confidence is 0.0 to 1.0. Of a container code it is the smallest
of its characters', or of the places where several looks spelt it together. Of a plate it is not: it is how much of what
its reader allows is this plate, lowered where its weakest character is weak, and then what other cuts and another
reader make of it (models/README.md). Boxes are pixels `(x, y, width, height)`.
"""

from dataclasses import dataclass, field
from typing import Generic, Literal, TypeVar

from edge.core.container import Container
from edge.core.plate import Plate
from edge.core.tag import Tag

Box = tuple[int, int, int, int]
# Four points in pixels, clockwise from where the text begins above: as text stands aslant, they do.
Corners = tuple[tuple[int, int], tuple[int, int], tuple[int, int], tuple[int, int]]
# How a container code is painted: in one row, in rows under each other, as a column of upright characters.
Layout = Literal["row", "rows", "column"]
# Why something is unread: nothing of it was seen in the picture.
NOT_FOUND = "not_found"
ReadingStatus = Literal["read", "unread", "conflict"]
Medium = Literal["ic", "qr"]
BoxPlace = Literal["front", "rear"]
T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class PlateSighting:
    """One plate in one frame.

    `characters` is how sure the reader is of each; empty where the plate is not its top answer, but what the grammar of
    plates or another reader made of it. `confidence` is not the smallest of them. `corners` are those of what was read,
    None where it is not told.
    """

    plate: Plate
    confidence: float
    box: Box
    characters: tuple[float, ...] = ()
    corners: Corners | None = None


@dataclass(frozen=True, slots=True)
class PlateClaim:
    """What a camera says that it read itself. It speaks against a reading of ours, and never for one (decision 43)."""

    plate: Plate
    confidence: float


@dataclass(frozen=True, slots=True)
class ContainerSighting:
    """One container code in one frame.

    `characters` is how sure the reader is of each that it read: eleven, ten where the check digit was computed, none
    where several looks spelt the code together. `corners` are those of what was read, None where it is not told, and so
    is `layout`.
    """

    container: Container
    confidence: float
    box: Box
    characters: tuple[float, ...] = ()
    corners: Corners | None = None
    layout: Layout | None = None


@dataclass(frozen=True, slots=True)
class VehicleSighting:
    """One vehicle in one frame; `vehicle_class` is the detector's label (truck, car, bus, container)."""

    vehicle_class: str
    confidence: float
    box: Box


@dataclass(frozen=True, slots=True)
class Unread:
    """Something that was looked for and not read: `what` (plate, container, picture), a stable reason code.

    `not_found` without a box says that nothing of it was seen; every other reason, that something may be there.
    """

    what: str
    reason: str
    box: Box | None = None


@dataclass(frozen=True, slots=True)
class PictureReading:
    """All that recognition found in one picture. `elapsed_ms` is the worker's own time for it."""

    plates: tuple[PlateSighting, ...] = ()
    containers: tuple[ContainerSighting, ...] = ()
    vehicles: tuple[VehicleSighting, ...] = ()
    unread: tuple[Unread, ...] = ()
    elapsed_ms: float = 0.0

    @property
    def unread_picture(self) -> bool:
        """The picture as a whole could not be read: what it does not show may be there all the same."""
        return any(one.what == "picture" for one in self.unread)


@dataclass(frozen=True, slots=True)
class TagSighting:
    """One tag seen once: antenna number, signal strength where the reader gives it."""

    tag: Tag
    antenna: int
    rssi_dbm: int | None
    seen_at_ms: int


@dataclass(frozen=True, slots=True)
class ToldBox:
    """One box that an engine of somebody else read; `place` is where it stands on the vehicle, where it tells."""

    container: Container
    confidence: float
    place: BoxPlace | None = None


@dataclass(frozen=True, slots=True)
class EngineResult:
    """What an engine tells of one vehicle. `picture` is its own name for what it read: nothing that the box keeps."""

    id: str
    boxes: tuple[ToldBox, ...]
    captured_at_ms: int
    picture: str = ""


@dataclass(frozen=True, slots=True)
class Weight:
    """What a vehicle weighs with all that it carries, in kilograms."""

    kg: int


@dataclass(frozen=True, slots=True)
class DriverCard:
    """What a driver's card (`ic`) or printed code (`qr`) says: its number or text, whole. Personal data."""

    text: str
    medium: Medium


@dataclass(frozen=True, slots=True)
class Seal:
    """One electronic seal as it says of itself. `openings` is how often it was opened since it was made.

    None where a seal does not tell; `battery_percent` is 0 to 100.
    """

    id: str
    locked: bool | None
    openings: int | None = None
    battery_percent: int | None = None


@dataclass(frozen=True, slots=True)
class Reading(Generic[T]):
    """A conclusion about one identifier.

    `read`: `value` is set, `confidence` is its own; `reason` is None, or what is not known of it. `unread`: `reason`
    says why. `conflict`: `candidates` are the values that contradict each other. `evidence` are SHA-256 digests (hex)
    of the pictures behind it.
    """

    status: ReadingStatus
    value: T | None = None
    confidence: float = 0.0
    reason: str | None = None
    candidates: tuple[T, ...] = ()
    evidence: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Identity:
    """Who stands in the lane: a reading per plate camera by its place, and of containers, tag, weight, driver, seals.

    `plates` maps a place (front, rear) to its reading: tractor and trailer are two. `containers` is one reading of
    the boxes front to rear (`order_not_seen` where no view shows which is in front); read and empty, the vehicle was
    seen to carry none.
    """

    plates: tuple[tuple[str, Reading[Plate]], ...] = ()
    containers: Reading[tuple[Container, ...]] = field(
        default_factory=lambda: Reading("unread", reason="not_looked_for")
    )
    tag: Reading[Tag] = field(default_factory=lambda: Reading("unread", reason="not_looked_for"))
    weight: Reading[Weight] = field(default_factory=lambda: Reading("unread", reason="not_looked_for"))
    driver: Reading[DriverCard] = field(default_factory=lambda: Reading("unread", reason="not_looked_for"))
    seals: Reading[tuple[Seal, ...]] = field(default_factory=lambda: Reading("unread", reason="not_looked_for"))
