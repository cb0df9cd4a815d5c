"""Pure: what a camera gave, as its capture process hands it on."""

from dataclasses import dataclass

from drivers.kit.camera.multipart import Part
from edge.core.readings import PlateClaim


@dataclass(frozen=True, slots=True)
class Picture:
    """Bytes as the camera sent them. `fault` is a defect of the frame that needs no look at the picture.

    `event` is the camera's own name of what it saw, where it has one, `claim` the plate that it read itself.
    """

    data: bytes
    begun_at_ms: int
    captured_at_ms: int
    fault: str | None = None
    event: str = ""
    claim: PlateClaim | None = None


@dataclass(frozen=True, slots=True)
class Arrival:
    """One part of a stream: when the bytes that hold its first came, and when its last did."""

    part: Part
    begun_at_ms: int
    ended_at_ms: int
