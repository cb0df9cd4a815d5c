"""From many readings to one identity: agreement over frames, explicit `unread` and `conflict`.

Nothing is preferred in silence: two values that both have the frames they need are a conflict, and a code
that was seen but not often enough keeps the identity open.
"""

from collections.abc import Iterable, Sequence
from dataclasses import replace
from itertools import combinations

from edge.core.container import Container
from edge.core.events import FrameRead
from edge.core.plate import Plate
from edge.core.profile import CameraProfile, LaneProfile
from edge.core.readings import Identity, PlateSighting, Reading
from edge.core.state import Passage, TagTally
from edge.core.tag import Tag

MOST_CONTAINERS = 2
# Two codes that differ in so few of their eleven places are one box, read differently.
SAME_BOX_DIFFERENCES = 3
# Two boxes stand on one vehicle where each is 10 or 20 ft long.
_FIT_IN_PAIRS = ("1", "2")


def fuse(profile: LaneProfile, passage: Passage, lost_devices: Sequence[str]) -> Identity:
    """Return what the passage's frames and tags say now."""
    places = tuple(dict.fromkeys(camera.place for camera in profile.cameras if "plate" in camera.reads))
    return Identity(
        plates=tuple((place, _fuse_plate(profile, passage, place, lost_devices)) for place in places),
        containers=_fuse_containers(profile, passage, lost_devices),
        tag=_fuse_tags(profile, passage.tags, lost_devices),
    )


def is_complete(profile: LaneProfile, passage: Passage, identity: Identity, lost_devices: Sequence[str]) -> bool:
    """Say whether waiting longer could still add something: every source agreed, is exhausted, or is lost."""
    for camera in profile.cameras:
        if camera.id in lost_devices or len(_frames_of(passage, camera)) >= camera.frames_max:
            continue
        if "plate" in camera.reads and _status_of_place(identity, camera.place) == "unread":
            return False
        if "container" in camera.reads and (identity.containers.status == "unread" or _pending(camera, passage)):
            return False
    return profile.tag_reader is None or profile.tag_reader in lost_devices or identity.tag.status != "unread"


def count_tag(
    tags: tuple[TagTally, ...], tag: Tag, antenna: int, rssi_dbm: int | None, enough: int
) -> tuple[TagTally, ...]:
    """Return the tallies with one more sighting; bounded in tags (D13) and in counts (no news, no change)."""
    for index, tally in enumerate(tags):
        if tally.tag == tag:
            if tally.reads >= enough:
                return tags
            return (*tags[:index], replace(tally, reads=tally.reads + 1), *tags[index + 1 :])
    return (*tags, TagTally(tag, 1, antenna, rssi_dbm)) if len(tags) < 16 else tags


def _frames_of(passage: Passage, camera: CameraProfile) -> list[FrameRead]:
    return [frame for frame in passage.frames if frame.camera == camera.id]


def _status_of_place(identity: Identity, place: str) -> str:
    return next(reading.status for name, reading in identity.plates if name == place)


def _main_plate(frame: FrameRead) -> PlateSighting | None:
    """The plate of the vehicle at the stop line is the largest; neighbours and posters are smaller."""
    return max(frame.reading.plates, key=lambda sighting: sighting.box[2] * sighting.box[3], default=None)


def _why_unread(frames: Iterable[FrameRead], what: str, lost: bool) -> str:
    if lost:
        return "device_lost"
    reasons = [unread.reason for frame in frames for unread in frame.reading.unread if unread.what in (what, "picture")]
    return reasons[-1] if reasons else "no_agreement" if any(True for _ in frames) else "no_picture"


def _fuse_plate(profile: LaneProfile, passage: Passage, place: str, lost_devices: Sequence[str]) -> Reading[Plate]:
    votes: dict[str, dict[str, PlateSighting]] = {}
    agreed: dict[str, list[tuple[str, PlateSighting]]] = {}
    frames: list[FrameRead] = []
    cameras = [camera for camera in profile.cameras if camera.place == place and "plate" in camera.reads]
    for camera in cameras:
        votes.clear()
        for frame in _frames_of(passage, camera):
            frames.append(frame)
            if (sighting := _main_plate(frame)) is not None:
                votes.setdefault(sighting.plate.text, {})[frame.sha256] = sighting
        for text, by_frame in votes.items():
            if len(by_frame) >= camera.frames_needed:
                agreed.setdefault(text, []).extend(by_frame.items())
    if not agreed:
        lost = all(camera.id in lost_devices for camera in cameras)
        return Reading("unread", reason=_why_unread(frames, "plate", lost))
    plates = {text: _one_plate([sighting for _, sighting in seen]) for text, seen in agreed.items()}
    evidence = tuple(dict.fromkeys(sha256 for seen in agreed.values() for sha256, _ in seen))
    if len(plates) > 1:
        return Reading("conflict", candidates=tuple(plates.values()), reason="frames_disagree", evidence=evidence)
    ((text, plate),) = plates.items()
    return Reading("read", plate, min(sighting.confidence for _, sighting in agreed[text]), evidence=evidence)


def _one_plate(sightings: Sequence[PlateSighting]) -> Plate:
    """Join equal texts; a colour that the frames disagree about is not known."""
    colours = {sighting.plate.colour for sighting in sightings} - {None}
    return replace(sightings[-1].plate, colour=colours.pop() if len(colours) == 1 else None)


def _code_votes(camera: CameraProfile, passage: Passage) -> dict[str, dict[str, tuple[Container, float]]]:
    votes: dict[str, dict[str, tuple[Container, float]]] = {}
    for frame in _frames_of(passage, camera):
        for sighting in sorted(frame.reading.containers, key=lambda one: one.box[0]):
            if sighting.container.check == "verified":
                seen = votes.setdefault(sighting.container.code, {})
                seen[frame.sha256] = (sighting.container, sighting.confidence)
    return votes


def _pending(camera: CameraProfile, passage: Passage) -> bool:
    """A code waits for its agreement, or this camera had no chance yet to see a second box (D9)."""
    if len(_frames_of(passage, camera)) < camera.frames_needed:
        return True
    return any(len(frames) < camera.frames_needed for frames in _code_votes(camera, passage).values())


def size_of(container: Container) -> str | None:
    """The length code of a box (ISO 6346, also of its 1984 edition), or None where it was not read."""
    return container.size_type[0] if container.size_type else None


def _same_box(one: str, other: str) -> bool:
    return sum(a != b for a, b in zip(one, other, strict=True)) <= SAME_BOX_DIFFERENCES


def _fuse_containers(
    profile: LaneProfile, passage: Passage, lost_devices: Sequence[str]
) -> Reading[tuple[Container, ...]]:
    cameras = [camera for camera in profile.cameras if "container" in camera.reads]
    if not cameras:
        return Reading("unread", reason="not_looked_for")
    read: dict[str, tuple[Container, float]] = {}
    evidence: dict[str, None] = {}
    single: dict[str, Container] = {}
    for camera in cameras:
        for code, by_frame in _code_votes(camera, passage).items():
            container, _ = next(reversed(by_frame.values()))
            if len(by_frame) < camera.frames_needed:
                single[code] = container
                continue
            sizes = [one.size_type for one, _ in by_frame.values() if one.size_type]
            confidence = min(value for _, value in by_frame.values())
            read.setdefault(code, (replace(container, size_type=sizes[-1] if sizes else None), confidence))
            evidence.update(dict.fromkeys(by_frame))
    codes = tuple(container for container, _ in read.values())
    if len(codes) > MOST_CONTAINERS:
        return Reading("conflict", candidates=(codes,), reason="too_many_codes", evidence=tuple(evidence))
    if len(codes) == MOST_CONTAINERS and any(size_of(one) not in (None, *_FIT_IN_PAIRS) for one in codes):
        return Reading("conflict", candidates=(codes,), reason="no_room_for_two", evidence=tuple(evidence))
    if any(_same_box(one.code, other.code) for one, other in combinations(codes, 2)):
        return Reading("conflict", candidates=(codes,), reason="views_disagree", evidence=tuple(evidence))
    if not codes:
        frames = [frame for camera in cameras for frame in _frames_of(passage, camera)]
        lost = all(camera.id in lost_devices for camera in cameras)
        return Reading("unread", reason=_why_unread(frames, "container", lost))
    unconfirmed = tuple(container for code, container in single.items() if code not in read)
    if unconfirmed:
        return Reading("conflict", candidates=(codes, unconfirmed), reason="code_seen_once", evidence=tuple(evidence))
    return Reading("read", codes, min(value for _, value in read.values()), evidence=tuple(evidence))


def _fuse_tags(profile: LaneProfile, tags: tuple[TagTally, ...], lost_devices: Sequence[str]) -> Reading[Tag]:
    if profile.tag_reader is None:
        return Reading("unread", reason="not_looked_for")
    seen = [tally.tag for tally in tags if tally.reads >= profile.tag_min_reads]
    if len(seen) > 1:
        return Reading("conflict", candidates=tuple(seen), reason="several_tags")
    if not seen:
        lost = profile.tag_reader in lost_devices
        return Reading("unread", reason="device_lost" if lost else "no_tag")
    return Reading("read", seen[0], 1.0)
