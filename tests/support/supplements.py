"""A lane that holds a vehicle of which something was not read, and a person who says it."""

from dataclasses import replace
from typing import Any

from edge.core.effects import PrepareRequest, Report, SendRequest
from edge.core.events import Supplemented
from edge.core.profile import CameraProfile, LaneProfile
from edge.core.state import Phase
from tests.support.lane_bench import PROFILE, SCAN_MS, LaneBench

OPENS = replace(PROFILE, supplement_opens=True)
BOTH = replace(OPENS, cameras=(*PROFILE.cameras, CameraProfile("cam-rear", "rear", ("plate",))))
OTHER_CODE, TRAILER = "TCLU4254260", "粤B1234挂"


def held(profile: LaneProfile = OPENS, *, plate: bool = True, container: bool = False, **frames: Any) -> LaneBench:
    """A lane that holds a vehicle: what is not read here was not read; the authority released all the same."""
    lane = LaneBench(profile)
    lane.arrive()
    if plate:
        lane.read_plate()
    if container:
        lane.read_container()
    for camera, reading in frames.items():
        lane.frame(camera.replace("_", "-"), reading)
    lane.read_tag()
    look_in_vain(lane)
    lane.prepare()
    lane.answer("release")
    assert lane.phase is Phase.HELD
    lane.forget()
    return lane


def look_in_vain(lane: LaneBench) -> None:
    """Let the time to identify run out, watched all along."""
    lane.scan(lane.state.profile.timing.identify_ms // SCAN_MS)
    if lane.phase is Phase.IDENTIFYING:
        lane.tick()


def say(lane: LaneBench, *containers: str, operator: str = "chen", reason: str = "dirty box", **plates: str) -> str:
    """Say something; returns `asked`, or why it did not count."""
    lane.take(Supplemented(lane.at_ms, operator, reason, tuple(plates.items()), containers))
    if lane.reports and lane.last(Report).name == "supplement_refused":
        return str(dict(lane.last(Report).fields)["reason"])
    return "asked" if lane.phase is Phase.WAITING else lane.last(Report).name


def answered(lane: LaneBench, verdict: str = "release", **changes: Any) -> Phase:
    prepared = lane.all(PrepareRequest)[-1:]
    lane.effects[:] = prepared
    lane.prepare()
    assert lane.all(SendRequest)
    lane.scan()
    lane.answer(verdict, **changes)
    return lane.phase
