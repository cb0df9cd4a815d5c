"""The devices in the shadow of a lane, where its configuration has any."""

from functools import partial
from typing import TYPE_CHECKING

from config.schema import Lane
from edge import registry
from edge.core.events import Weighed
from edge.core.readings import TagSighting
from edge.core.weight import Weighing
from edge.ports import Device
from edge.profiles import shadow_profile
from edge.runtime.captures import LaneCaptures
from edge.runtime.notes import append_note
from edge.runtime.shadows import LaneShadows

if TYPE_CHECKING:
    from edge.app import Box


def lane_shadows(box: "Box", lane: Lane) -> LaneShadows | None:
    """Build them; None where there are none."""
    shadow = lane.shadow
    if shadow is None:
        return None
    profile, clock = shadow_profile(box.configuration, lane, shadow), box.clock
    cameras = {
        one: registry.build(registry.CAMERA, camera, clock, None)
        for camera, one in zip(shadow.cameras, profile.cameras, strict=True)
    }

    def sighted(sighting: TagSighting) -> None:
        captures.tag_sighted(sighting)

    def weighed(weighing: Weighing) -> None:
        shadows.take(Weighed(clock.now_ms(), weighing))

    configured = shadow.tag_reader
    reader = None if configured is None else registry.build(registry.TAG_READER, configured, clock, sighted)
    captures = LaneCaptures(
        cameras,
        reader,
        # Behind every lane of the box: what begins is all that it costs one.
        recogniser=box.recogniser.for_lane(f"{lane.id}/shadow", yields=True),
        # No record names a picture of the shadow, and the quota is the lanes'.
        evidence=None,
        clock=clock,
        read_timeout_s=box.configuration.recogniser.deadline_ms / 1000,
    )
    shadows = LaneShadows(profile, captures, clock, partial(append_note, box.journal, lane.id))
    devices: list[Device] = [*cameras.values(), *([] if reader is None else [reader])]
    if shadow.weighbridge is not None:
        devices.append(registry.build(registry.WEIGHBRIDGE, shadow.weighbridge, clock, weighed))
    shadows.devices = devices
    return shadows
