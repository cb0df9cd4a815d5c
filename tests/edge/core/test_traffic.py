"""Every kind of vehicle through the lane that is meant for it, inbound and outbound."""

from dataclasses import replace

import pytest

from edge.core.effects import ConsumeAuthority, EndPassage
from edge.core.grant import NotedPlate, ReleaseNote
from edge.core.profile import CameraProfile, LaneProfile
from edge.core.state import Phase
from tests.support.lane_bench import CODE, EPC, MOVING, NOTE, PLATE, PROFILE, UP, LaneBench, boxes_seen, plate_seen

OTHER, TRAILER = "HLXU4074106", "冀B1A2C挂"
FRONT, BOXES = PROFILE.cameras
REAR = CameraProfile("cam-rear", "rear", ("plate",))
CAR = replace(PROFILE, traffic="car", cameras=(FRONT,), tag_reader=None, must_match=("front_plate",))
BUS = replace(CAR, traffic="bus")
BULK = replace(PROFILE, traffic="bulk", cameras=(FRONT, REAR), must_match=("front_plate", "rear_plate", "tag"))
GENERAL = replace(PROFILE, traffic="general", must_match=("front_plate", "tag"))
PLATES = (NotedPlate("front", PLATE, "blue"),)
ALONE = ReleaseNote("n", PLATES)
TAGGED = ReleaseNote("n", PLATES, (), EPC)


def see(lane: LaneBench, *boxes: tuple[str, str | None], trailer: str | None = None, empty: bool = False) -> None:
    """Let the cameras and the reader of this lane see one vehicle; the first box stands in front."""
    lane.arrive()
    lane.read_plate()
    for _ in range(2):
        if trailer is not None:
            lane.frame("cam-rear", plate_seen(trailer, "yellow"))
        if boxes:
            # A right view: the front of the vehicle is at the right of the picture.
            codes = [code for code, _ in reversed(boxes)]
            lane.frame("cam-right", boxes_seen(*codes, size_type=boxes[0][1]))
    if empty:
        lane.read_empty(times=6)
    if lane.state.profile.tag_reader is not None:
        lane.read_tag()
    if lane.phase is Phase.IDENTIFYING:
        lane.wait()
    lane.prepare()


def through(lane: LaneBench) -> EndPassage:
    lane.durable()
    lane.scan(2, **MOVING)
    lane.scan(**UP)
    lane.close()
    lane.fall()
    return lane.last(EndPassage)


@pytest.mark.hazard("D9")
@pytest.mark.parametrize("direction", ["in", "out"])
@pytest.mark.parametrize(
    ("profile", "seen", "note", "cargo"),
    [
        (PROFILE, {"boxes": [(CODE, "45G1")]}, NOTE, "container_one"),
        (
            PROFILE,
            {"boxes": [(CODE, "22G1"), (OTHER, "22G1")]},
            replace(NOTE, containers=(OTHER, CODE)),
            "container_two",
        ),
        (PROFILE, {"boxes": [(CODE, "22T1")]}, NOTE, "tank"),
        (PROFILE, {"boxes": [(CODE, "42P1")]}, NOTE, "flat_rack"),
        (PROFILE, {"boxes": [(CODE, "22B0")]}, NOTE, "bulk_container"),
        (PROFILE, {"boxes": [(CODE, "45R1")]}, NOTE, "reefer"),
        (PROFILE, {"empty": True}, TAGGED, "empty"),
        (GENERAL, {"boxes": [(CODE, None)]}, NOTE, "container_one"),
        (GENERAL, {"empty": True}, TAGGED, "general"),
        (GENERAL, {}, TAGGED, "unknown"),
        (BULK, {"trailer": TRAILER}, replace(TAGGED, plates=(*PLATES, NotedPlate("rear", TRAILER))), "bulk"),
        (CAR, {}, ALONE, "car"),
        (BUS, {}, ALONE, "bus"),
    ],
)
def test_each_kind_of_vehicle_passes(
    direction: str, profile: LaneProfile, seen: dict[str, object], note: ReleaseNote, cargo: str
) -> None:
    lane = LaneBench(replace(profile, direction=direction))  # type: ignore[arg-type]
    boxes = seen.pop("boxes", []) if (seen := dict(seen)) else []
    see(lane, *boxes, **seen)  # type: ignore[misc, arg-type]
    lane.answer(note=note)
    assert lane.phase is Phase.CONSUMING, lane.passage.reasons
    ended = through(lane)
    assert (ended.terminal, ended.cargo_class, ended.direction) == ("PASSED", cargo, direction)


def test_two_boxes_are_told_front_to_rear_and_released_together_or_not_at_all() -> None:
    for noted, phase in (((OTHER, CODE), Phase.CONSUMING), ((CODE,), Phase.HELD), ((OTHER,), Phase.HELD)):
        lane = LaneBench()
        see(lane, (CODE, "22G1"), (OTHER, "22G1"))
        assert lane.passage.identity is not None
        assert [one.code for one in lane.passage.identity.containers.value or ()] == [CODE, OTHER]
        lane.answer(note=replace(NOTE, containers=noted))
        assert lane.phase is phase


@pytest.mark.parametrize("profile", [CAR, BUS, BULK])
def test_a_note_with_boxes_releases_nobody_where_none_could_be_seen(profile: LaneProfile) -> None:
    lane = LaneBench(profile)
    see(lane, trailer=TRAILER if profile is BULK else None)
    plates = (*PLATES, NotedPlate("rear", TRAILER)) if profile is BULK else PLATES
    lane.answer(note=ReleaseNote("n", plates, (CODE,)))
    assert (lane.phase, lane.passage.reasons) == (Phase.HELD, ("containers_not_for_lane",))
    assert not lane.all(ConsumeAuthority)


def test_a_bulk_lane_needs_the_trailers_plate_too() -> None:
    lane = LaneBench(BULK)
    see(lane)
    lane.answer(note=replace(TAGGED, plates=(*PLATES, NotedPlate("rear", TRAILER))))
    assert (lane.phase, lane.passage.reasons) == (Phase.HELD, ("unread_rear_plate",))


def test_a_general_lane_demands_the_boxes_that_a_note_names_and_no_others() -> None:
    lane = LaneBench(GENERAL)
    see(lane)
    lane.answer(note=NOTE)
    assert (lane.phase, lane.passage.reasons) == (Phase.HELD, ("unread_containers",))
    lane = LaneBench(GENERAL)
    see(lane, (CODE, None))
    lane.answer(note=TAGGED)
    assert (lane.phase, lane.passage.reasons) == (Phase.HELD, ("mismatch_containers",))
    lane = LaneBench(replace(GENERAL, must_match=("front_plate", "containers", "tag")))
    see(lane)
    lane.answer(note=TAGGED)
    assert lane.passage.reasons == ("unread_containers",), "unless the site demands them always"


def test_a_car_lane_waits_for_no_box() -> None:
    lane = LaneBench(CAR)
    lane.arrive()
    lane.read_plate()
    assert lane.phase is Phase.WAITING
    assert lane.passage.identity is not None
    assert lane.passage.identity.containers.reason == "not_looked_for"
