"""From many readings to one identity: agreement over frames, explicit `unread` and `conflict`.

Nothing is preferred in silence: two values that both have the frames they need are a conflict, and a code
that was seen but not often enough keeps the identity open. What a camera says that it read itself counts for no
reading, and one word of it against ours is a conflict.
"""

from collections.abc import Sequence
from dataclasses import replace

from edge.core.boxes import pending
from edge.core.driver import fuse_driver
from edge.core.engine import engine_may_tell, fuse_boxes
from edge.core.events import FrameRead
from edge.core.evidence import joined, look_of, of_one_thing
from edge.core.frames import frames_of, why_unread
from edge.core.plate import Plate, parse_plate
from edge.core.profile import CameraProfile, LaneProfile
from edge.core.readings import Identity, PlateSighting, Reading
from edge.core.seal import fuse_seals
from edge.core.state import Passage
from edge.core.tag import Tag
from edge.core.tags import enough
from edge.core.weight import fuse_weight, unless_heavier

# Why something is unread that would have been looked at for longer.
IN_TIME = "deadline"
# Why something is unread that waiting cannot change.
_FINAL = ("not_looked_for", "device_lost")
# Two texts of one camera that differ in so few places are one plate, read differently.
SAME_PLATE_DIFFERENCES = 2


def fuse(profile: LaneProfile, passage: Passage, lost_devices: Sequence[str]) -> Identity:
    """Return what the passage's frames and tags say now."""
    places = tuple(dict.fromkeys(camera.place for camera in profile.cameras if "plate" in camera.reads))
    boxes = fuse_boxes(profile, passage, lost_devices)
    weight = fuse_weight(profile, passage.weighing, lost_devices, passage.scale_doubt)
    return Identity(
        plates=tuple((place, _fuse_plate(profile, passage, place, lost_devices)) for place in places),
        containers=unless_heavier(boxes, weight, profile.empty_weights),
        tag=_fuse_tags(profile, passage, lost_devices),
        weight=weight,
        driver=fuse_driver(profile, passage.cards, lost_devices),
        seals=fuse_seals(profile, passage.seals, lost_devices),
    )


def is_complete(profile: LaneProfile, passage: Passage, identity: Identity, lost_devices: Sequence[str]) -> bool:
    """Say whether waiting longer could still add something: every source agreed, is exhausted, or is lost."""
    for camera in profile.cameras:
        if camera.id in lost_devices or len(frames_of(passage, camera)) >= camera.frames_max:
            continue
        if "plate" in camera.reads and _status_of_place(identity, camera.place) == "unread":
            return False
        if "container" in camera.reads and _box_may_come(identity, camera, passage):
            return False
    if engine_may_tell(profile, passage, lost_devices):
        return False
    told = (identity.weight, identity.driver, identity.seals)
    if any(one.status == "unread" and one.reason not in _FINAL for one in told):
        return False
    return profile.tag_reader is None or profile.tag_reader in lost_devices or identity.tag.status != "unread"


def seen_so_far(profile: LaneProfile, passage: Passage, lost_devices: Sequence[str], identity: Identity) -> Identity:
    """Return what is known of a vehicle that goes before it was identified: it may carry what nobody had yet seen."""
    looking = [one for one in profile.cameras if "container" in one.reads and one.id not in lost_devices]
    every_look = all(len(frames_of(passage, one)) >= one.frames_max for one in looking)
    if identity.containers.value != () or every_look:
        return identity
    return replace(identity, containers=Reading("unread", reason=IN_TIME))


def _box_may_come(identity: Identity, camera: CameraProfile, passage: Passage) -> bool:
    """No box is the last to be believed: each camera looks as often as it may before an empty vehicle is one."""
    found = identity.containers
    return found.status == "unread" or found.value == () or pending(camera, passage)


def _status_of_place(identity: Identity, place: str) -> str:
    return next(reading.status for name, reading in identity.plates if name == place)


def _main_plate(frame: FrameRead) -> PlateSighting | None:
    """The plate of the vehicle at the stop line is the largest; neighbours and posters are smaller."""
    return max(frame.reading.plates, key=lambda sighting: sighting.box[2] * sighting.box[3], default=None)


def _fuse_plate(profile: LaneProfile, passage: Passage, place: str, lost_devices: Sequence[str]) -> Reading[Plate]:
    votes: dict[str, dict[str, PlateSighting]] = {}
    agreed: dict[str, list[tuple[str, PlateSighting]]] = {}
    frames: list[FrameRead] = []
    cameras = [camera for camera in profile.cameras if camera.place == place and "plate" in camera.reads]
    for camera in cameras:
        votes.clear()
        for frame in frames_of(passage, camera):
            frames.append(frame)
            if (sighting := _main_plate(frame)) is not None:
                votes.setdefault(sighting.plate.text, {})[frame.sha256] = sighting
        whole = {text: by_frame for text, by_frame in votes.items() if len(by_frame) >= camera.frames_needed}
        for text, by_frame in (whole or _by_characters(votes, camera.frames_needed)).items():
            agreed.setdefault(text, []).extend(by_frame.items())
    if not agreed:
        lost = all(camera.id in lost_devices for camera in cameras)
        return Reading("unread", reason=why_unread(frames, "plate", lost=lost))
    plates = {text: _one_plate([sighting for _, sighting in seen]) for text, seen in agreed.items()}
    evidence = tuple(dict.fromkeys(sha256 for seen in agreed.values() for sha256, _ in seen))
    if len(plates) > 1:
        return Reading("conflict", candidates=tuple(plates.values()), reason="frames_disagree", evidence=evidence)
    ((text, plate),) = plates.items()
    claims = {frame.claim.plate.text: frame.claim.plate for frame in frames if frame.claim is not None}
    claims.pop(text, None)
    if claims:
        candidates = (plate, *claims.values())
        return Reading("conflict", candidates=candidates, reason="camera_disagrees", evidence=evidence)
    return Reading("read", plate, min(sighting.confidence for _, sighting in agreed[text]), evidence=evidence)


def _by_characters(votes: dict[str, dict[str, PlateSighting]], needed: int) -> dict[str, dict[str, PlateSighting]]:
    """Return the plate that one camera's frames spell together, where no whole text has the frames that it needs."""
    seen = {
        look_of(text, sighting.confidence, sighting.characters, sha256): sighting
        for text, by_frame in votes.items()
        for sha256, sighting in by_frame.items()
    }
    found: dict[str, dict[str, PlateSighting]] = {}
    for group in of_one_thing(tuple(seen), SAME_PLATE_DIFFERENCES):
        top = joined(group, needed, needed)
        plate = None if top is None else parse_plate(top.text)
        if top is not None and plate is not None:
            # What the characters make likely is no surer than the surest frame was of its plate as a whole.
            confidence = min(top.confidence, max(seen[look].confidence for look in group))
            found[top.text] = {
                look.sha256: replace(
                    seen[look],
                    plate=parse_plate(top.text, seen[look].plate.colour, seen[look].plate.rows) or plate,
                    confidence=confidence,
                )
                for look in group
            }
    return found


def _one_plate(sightings: Sequence[PlateSighting]) -> Plate:
    """Join equal texts; a colour that the frames disagree about is not known."""
    colours = {sighting.plate.colour for sighting in sightings} - {None}
    return replace(sightings[-1].plate, colour=colours.pop() if len(colours) == 1 else None)


def _fuse_tags(profile: LaneProfile, passage: Passage, lost_devices: Sequence[str]) -> Reading[Tag]:
    if profile.tag_reader is None:
        return Reading("unread", reason="not_looked_for")
    seen = [tally.tag for tally in passage.tags if enough(profile, tally)]
    if len(seen) > 1:
        return Reading("conflict", candidates=tuple(seen), reason="several_tags")
    if not seen:
        lost = profile.tag_reader in lost_devices
        return Reading("unread", reason="device_lost" if lost else "no_tag")
    if seen[0].epc in passage.shared_tags:
        return Reading("conflict", candidates=tuple(seen), reason="seen_in_two_lanes")
    return Reading("read", seen[0], 1.0)
