"""Which view of the vehicle each picture of a passage shows, as a request tells it to who may see pictures. Pure."""

from dataclasses import dataclass
from itertools import islice
from typing import Any

from edge.core.frames import frames_of
from edge.core.profile import CameraProfile, LaneProfile
from edge.core.readings import Identity, Reading
from edge.core.state import Passage

# Six views, and their plates, twice; a lane with more cameras must not make a request that nobody reads.
MOST_VIEWS = 24


@dataclass(frozen=True, slots=True)
class ViewedPicture:
    """One picture: `view` is the camera's place by the drive direction (front, rear, left, right, top).

    `reads` is what is looked for in it (plate, container); `sha256` (hex) names it.
    """

    view: str
    reads: tuple[str, ...]
    sha256: str

    @property
    def claims(self) -> dict[str, Any]:
        """Return it as a request carries it."""
        return {"view": self.view, "reads": list(self.reads), "sha256": self.sha256}


def views_of(profile: LaneProfile, passage: Passage, identity: Identity) -> tuple[ViewedPicture, ...]:
    """Return the first and the last picture of each camera, oldest first, at most `MOST_VIEWS`.

    Of those behind the readings; where none of a camera's is, of all that it took: a person completes from them what
    was not read.
    """
    behind = evidence_of(identity)
    found = (
        ViewedPicture(camera.place, camera.reads, digest)
        for camera in profile.cameras
        for digest in _first_and_last(passage, camera, behind)
    )
    return tuple(islice(found, MOST_VIEWS))


def evidence_of(identity: Identity) -> set[str]:
    """Return the digests of the pictures behind the readings."""
    readings: list[Reading[Any]] = [reading for _, reading in identity.plates]
    readings += [identity.containers, identity.tag]
    return {digest for reading in readings for digest in reading.evidence}


def _first_and_last(passage: Passage, camera: CameraProfile, behind: set[str]) -> tuple[str, ...]:
    taken = sorted(frames_of(passage, camera), key=lambda frame: frame.captured_at_ms)
    chosen = [frame.sha256 for frame in taken if frame.sha256 in behind] or [frame.sha256 for frame in taken]
    return tuple(dict.fromkeys((*chosen[:1], *chosen[-1:])))
