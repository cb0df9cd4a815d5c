"""From the views of the container cameras to the boxes on the vehicle: which, in which order, or none at all.

No box is a conclusion of its own (`read` and empty), never the want of a reading: every camera has to show a
vehicle without one.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import combinations

from edge.core.container import Container, parse_container
from edge.core.events import FrameRead
from edge.core.evidence import differences, joined, look_of, of_one_thing
from edge.core.frames import frames_of, why_unread
from edge.core.profile import CameraProfile, LaneProfile
from edge.core.readings import NOT_FOUND, ContainerSighting, PictureReading, Reading
from edge.core.state import Passage

MOST_CONTAINERS = 2
# Two codes that differ in so few of their eleven places are one box, read differently.
SAME_BOX_DIFFERENCES = 3
# Which box is in front cannot be told from where the codes were seen.
ORDER_NOT_SEEN = "order_not_seen"
# Two boxes stand on one vehicle where each is 10 or 20 ft long.
_FIT_IN_PAIRS = ("1", "2")
# What the detector calls a box without a readable code.
_BOX = "container"
Boxes = Reading[tuple[Container, ...]]


@dataclass(frozen=True, slots=True)
class _Views:
    """What all container cameras saw: agreed codes with their confidence, by whom, and what waits for agreement."""

    read: dict[str, tuple[Container, float]]
    by_camera: tuple[tuple[CameraProfile, tuple[str, ...]], ...]
    single: dict[str, Container]
    evidence: tuple[str, ...]


def fuse_containers(profile: LaneProfile, passage: Passage, lost_devices: Sequence[str]) -> Boxes:
    """Return the boxes front to rear by drive direction; `order_not_seen` where no view shows their order."""
    cameras = container_cameras(profile)
    if not cameras:
        return Reading("unread", reason="not_looked_for")
    views = _views(cameras, passage)
    codes = tuple(container for container, _ in views.read.values())
    against = contradiction(codes)
    if against is not None:
        return Reading("conflict", candidates=(codes,), reason=against, evidence=views.evidence)
    if not codes:
        frames = [frame for camera in cameras for frame in frames_of(passage, camera)]
        lost = all(camera.id in lost_devices for camera in cameras)
        return _seen_empty(cameras, passage) or Reading("unread", reason=why_unread(frames, "container", lost=lost))
    unconfirmed = tuple(container for code, container in views.single.items() if code not in views.read)
    if unconfirmed:
        return Reading("conflict", candidates=(codes, unconfirmed), reason="code_seen_once", evidence=views.evidence)
    return _in_order(codes, views, passage)


def container_cameras(profile: LaneProfile) -> list[CameraProfile]:
    """Return the cameras that look for boxes."""
    return [camera for camera in profile.cameras if "container" in camera.reads]


def seen_at_all(profile: LaneProfile, passage: Passage) -> dict[str, Container]:
    """Return every code that any frame verified, however seldom it was seen."""
    return {
        code: container
        for camera in container_cameras(profile)
        for code, by_frame in _code_votes(camera, passage).items()
        for container, _ in by_frame.values()
    }


def pending(camera: CameraProfile, passage: Passage) -> bool:
    """A code waits for its agreement, or this camera had no chance yet to see a second box (D9)."""
    if len(frames_of(passage, camera)) < camera.frames_needed:
        return True
    return any(len(frames) < camera.frames_needed for frames in _code_votes(camera, passage).values())


def size_of(container: Container) -> str | None:
    """The length code of a box (ISO 6346, also of its 1984 edition), or None where it was not read."""
    return container.size_type[0] if container.size_type else None


def _code_votes(camera: CameraProfile, passage: Passage) -> dict[str, dict[str, tuple[Container, float]]]:
    votes: dict[str, dict[str, tuple[Container, float]]] = {}
    for frame in frames_of(passage, camera):
        for sighting in sorted(frame.reading.containers, key=lambda one: one.box[0]):
            if sighting.container.check == "verified":
                seen = votes.setdefault(sighting.container.code, {})
                seen[frame.sha256] = (sighting.container, sighting.confidence)
    return votes


def _views(cameras: Sequence[CameraProfile], passage: Passage) -> _Views:
    read: dict[str, tuple[Container, float]] = {}
    evidence: dict[str, None] = {}
    single: dict[str, Container] = {}
    by_camera: list[tuple[CameraProfile, tuple[str, ...]]] = []
    for camera in cameras:
        votes = _code_votes(camera, passage)
        for code, by_frame in votes.items():
            container, _ = next(reversed(by_frame.values()))
            if len(by_frame) < camera.frames_needed:
                single[code] = container
                continue
            sizes = [one.size_type for one, _ in by_frame.values() if one.size_type]
            confidence = min(value for _, value in by_frame.values())
            read.setdefault(code, (replace(container, size_type=sizes[-1] if sizes else None), confidence))
            evidence.update(dict.fromkeys(by_frame))
        agreed = tuple(code for code, by_frame in votes.items() if len(by_frame) >= camera.frames_needed)
        by_camera.append((camera, agreed))
    for container, confidence, behind in _by_characters(cameras, passage, tuple(read)):
        read[container.code] = (container, confidence)
        evidence.update(dict.fromkeys(behind))
    return _Views(read, tuple(by_camera), single, tuple(evidence))


def _by_characters(
    cameras: Sequence[CameraProfile], passage: Passage, known: Sequence[str]
) -> Iterator[tuple[Container, float, tuple[str, ...]]]:
    """Yield the codes that no frames agree about as a whole, and all views together do character by character.

    Ten characters need as many pictures as the most careful camera asks for; the check digit has to be read in one.
    """
    seen = {
        look_of(_as_read(one), one.confidence, one.characters, frame.sha256): one.container
        for camera in cameras
        for frame in frames_of(passage, camera)
        for one in frame.reading.containers
    }
    unknown = [look for look in seen if not any(_same_box(look.text, code) for code in known)]
    needed = max(camera.frames_needed for camera in cameras)
    for group in of_one_thing(unknown, SAME_BOX_DIFFERENCES, missing=1):
        top = joined(group, needed, 1) if len(group) > 1 else None
        container = parse_container(top.text) if top is not None else None
        if top is not None and container is not None and container.check == "verified":
            sizes = [seen[look].size_type for look in group if seen[look].size_type]
            repaired = any(seen[look].repaired for look in group)
            whole = replace(container, size_type=sizes[-1] if sizes else None, repaired=repaired)
            yield whole, top.confidence, top.evidence


def _as_read(sighting: ContainerSighting) -> str:
    """The characters that were read: a check digit that was computed is none."""
    return sighting.container.code[:-1] if sighting.container.check == "inferred" else sighting.container.code


def contradiction(codes: Sequence[Container]) -> str | None:
    """Return why these codes cannot all be boxes of one vehicle."""
    if len(codes) > MOST_CONTAINERS:
        return "too_many_codes"
    if len(codes) == MOST_CONTAINERS and any(size_of(one) not in (None, *_FIT_IN_PAIRS) for one in codes):
        return "no_room_for_two"
    if any(_same_box(one.code, other.code) for one, other in combinations(codes, 2)):
        return "views_disagree"
    return None


def _same_box(one: str, other: str) -> bool:
    return differences(one, other) <= SAME_BOX_DIFFERENCES


# --- no box at all ------------------------------------------------------------------------------------------------


def _seen_empty(cameras: Sequence[CameraProfile], passage: Passage) -> Boxes | None:
    """Every camera has its frames that show a vehicle and nothing of a box, and none shows anything of one."""
    frames: list[FrameRead] = []
    for camera in cameras:
        seen = frames_of(passage, camera)
        empty = [frame for frame in seen if frame.reading.vehicles and not frame.reading.unread_picture]
        if len(empty) < camera.frames_needed or any(_shows_box(frame.reading) for frame in seen):
            return None
        frames += empty
    confidence = min(max(one.confidence for one in frame.reading.vehicles) for frame in frames)
    return Reading("read", (), confidence, evidence=tuple(dict.fromkeys(frame.sha256 for frame in frames)))


def _shows_box(reading: PictureReading) -> bool:
    """A code, even one whose check digit fails, something unread that may be one, or the detector's own word."""
    unread = (one for one in reading.unread if one.what == "container")
    return (
        bool(reading.containers)
        or any(one.reason != NOT_FOUND or one.box is not None for one in unread)
        or any(one.vehicle_class == _BOX for one in reading.vehicles)
    )


# --- two boxes: which is in front ---------------------------------------------------------------------------------


def _in_order(codes: tuple[Container, ...], views: _Views, passage: Passage) -> Boxes:
    confidence = min(value for _, value in views.read.values())
    if len(codes) < MOST_CONTAINERS:
        return Reading("read", codes, confidence, evidence=views.evidence)
    in_front = set(_said_in_front(codes, views, passage))
    if len(in_front) > 1:
        both = (codes, codes[::-1])
        return Reading("conflict", candidates=both, reason="order_disagrees", evidence=views.evidence)
    ordered = codes[::-1] if codes[1].code in in_front else codes
    reason = None if in_front else ORDER_NOT_SEEN
    return Reading("read", ordered, confidence, reason, evidence=views.evidence)


def _said_in_front(codes: tuple[Container, ...], views: _Views, passage: Passage) -> Iterator[str]:
    """Yield the code of the front box, once for each view that shows it.

    A left view has the front of the vehicle at its left, a right view at its right. Seen from the front, the front
    box hides the other one; from the rear, the other way round. From above no side of the picture is the front.
    """
    names = [one.code for one in codes]
    for camera, agreed in views.by_camera:
        if camera.place in ("left", "right"):
            for frame in frames_of(passage, camera):
                leftmost = _leftmost(frame.reading, names)
                if leftmost is not None:
                    yield leftmost if camera.place == "left" else _other(names, leftmost)
        elif camera.place in ("front", "rear") and len(agreed) == 1:
            yield agreed[0] if camera.place == "front" else _other(names, agreed[0])


def _leftmost(reading: PictureReading, names: Sequence[str]) -> str | None:
    """The box at the left of a picture; None where it does not show both, or one is not wholly beside the other."""
    spans = []
    for name in names:
        boxes = [one.box for one in reading.containers if one.container.code == name]
        if not boxes:
            return None
        spans.append((min(box[0] for box in boxes), max(box[0] + box[2] for box in boxes)))
    (first_left, first_right), (second_left, second_right) = spans
    if first_right <= second_left:
        return names[0]
    return names[1] if second_right <= first_left else None


def _other(names: Sequence[str], one: str) -> str:
    return names[1] if one == names[0] else names[0]
