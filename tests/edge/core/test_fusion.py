"""From frames and tags to one identity: agreement, `unread` with its reason, `conflict`, never a quiet choice."""

from dataclasses import replace

import pytest

from edge.core.effects import EndPassage
from edge.core.fusion import fuse
from edge.core.profile import CameraProfile
from edge.core.readings import Identity, PictureReading, PlateClaim, Reading, Unread
from edge.core.state import Phase
from tests.support.lane_bench import CODE, EPC, PLATE, PROFILE, LaneBench, boxes_seen, plate_seen

OTHER_PLATE, OTHER_CODE, THIRD_CODE = "京A12345", "HLXU4074106", "FCIU9176921"
LEFT = CameraProfile("cam-left", "left", ("container",))
TWO_SIDES = replace(PROFILE, cameras=(*PROFILE.cameras, LEFT))


def lane_at_arrival(profile=PROFILE) -> LaneBench:  # type: ignore[no-untyped-def]
    lane = LaneBench(profile)
    lane.arrive()
    return lane


def identity(lane: LaneBench) -> Identity:
    passage = lane.passage
    return passage.identity or fuse(lane.state.profile, passage, lane.state.lost_devices)


def front(lane: LaneBench) -> Reading:  # type: ignore[type-arg]
    return dict(identity(lane).plates)["front"]


def codes(lane: LaneBench) -> list[str]:
    value = identity(lane).containers.value
    return [] if value is None else [one.code for one in value]


def test_one_frame_is_no_agreement_two_are() -> None:
    lane = lane_at_arrival()
    lane.read_plate(times=1)
    assert (front(lane).status, front(lane).reason) == ("unread", "no_agreement")
    lane.read_plate(times=1)
    assert (front(lane).status, front(lane).confidence, len(front(lane).evidence)) == ("read", 0.9, 2)


def test_d1_the_same_picture_twice_counts_once() -> None:
    lane = lane_at_arrival()
    for _ in range(5):
        lane.frame("cam-front", plate_seen(PLATE), sha256="frozen")
    assert front(lane).status == "unread"
    assert len(lane.passage.frames) == 1


def test_d3_pictures_of_an_earlier_vehicle_do_not_count() -> None:
    lane = lane_at_arrival()
    lane.frame("cam-front", plate_seen(PLATE), age_ms=1)
    assert lane.passage.frames == ()
    first = lane.passage.id
    lane.scan(arrival_loop=False)
    lane.arrive()
    assert lane.passage.id != first
    from edge.core.events import FrameRead

    lane.take(FrameRead(lane.at_ms, first, "cam-front", "late", lane.at_ms, plate_seen(PLATE)))
    assert lane.passage.frames == ()


def test_d32_a_picture_that_arrives_after_the_identity_was_concluded_changes_nothing() -> None:
    lane = LaneBench()
    lane.identify()
    before = lane.state
    lane.read_plate(OTHER_PLATE)
    lane.read_tag("E2FF")
    assert lane.state == before
    lane.scan(arrival_loop=False)
    lane.read_tag()
    lane.frame("cam-front", plate_seen(PLATE))
    assert lane.phase is Phase.IDLE


def test_d6_d8_two_plates_that_both_agree_are_a_conflict() -> None:
    lane = lane_at_arrival()
    lane.frame("cam-front", plate_seen(PLATE))
    lane.read_plate(OTHER_PLATE, times=2)
    assert front(lane).status == "read"
    lane.frame("cam-front", plate_seen(PLATE))
    assert (front(lane).status, front(lane).reason) == ("conflict", "frames_disagree")
    assert {one.text for one in front(lane).candidates} == {PLATE, OTHER_PLATE}


def claimed(text: str) -> PlateClaim:
    return PlateClaim(plate_seen(text).plates[0].plate, 1.0)


def test_what_a_camera_read_itself_counts_for_no_reading() -> None:
    lane = lane_at_arrival()
    for _ in range(4):
        lane.frame("cam-front", PictureReading(unread=(Unread("plate", "not_found"),)), claim=claimed(PLATE))
    assert (front(lane).status, front(lane).reason) == ("unread", "not_found")
    lane.frame("cam-front", plate_seen(PLATE), claim=claimed(PLATE))
    assert front(lane).status == "unread"
    lane.frame("cam-front", plate_seen(PLATE), claim=claimed(PLATE))
    assert (front(lane).status, front(lane).confidence) == ("read", 0.9)


@pytest.mark.hazard("D6", "D8")
def test_one_word_of_a_camera_against_our_reading_is_a_conflict() -> None:
    lane = lane_at_arrival()
    lane.frame("cam-front", plate_seen(PLATE), claim=claimed(OTHER_PLATE))
    lane.frame("cam-front", plate_seen(PLATE), claim=claimed(PLATE))
    assert (front(lane).status, front(lane).reason) == ("conflict", "camera_disagrees")
    assert [one.text for one in front(lane).candidates] == [PLATE, OTHER_PLATE]
    assert len(front(lane).evidence) == 2


def test_the_plate_is_the_largest_of_a_picture() -> None:
    lane = lane_at_arrival()
    near, far = plate_seen(PLATE).plates[0], plate_seen(OTHER_PLATE).plates[0]
    for _ in range(2):
        lane.frame("cam-front", PictureReading(plates=(replace(far, box=(0, 0, 20, 8)), near)))
    assert front(lane).value.text == PLATE


def test_a_colour_that_frames_disagree_about_is_not_known() -> None:
    lane = lane_at_arrival()
    seen = plate_seen(PLATE).plates[0]
    lane.frame("cam-front", PictureReading(plates=(seen,)))
    lane.frame("cam-front", PictureReading(plates=(replace(seen, plate=replace(seen.plate, colour="yellow")),)))
    assert (front(lane).status, front(lane).value.colour) == ("read", None)


def test_two_cameras_of_one_place_agree_each_for_itself() -> None:
    second = CameraProfile("cam-front-2", "front", ("plate",))
    lane = lane_at_arrival(replace(PROFILE, cameras=(*PROFILE.cameras, second)))
    lane.read_plate(times=1)
    lane.read_plate(times=1, camera="cam-front-2")
    assert front(lane).status == "unread"
    lane.read_plate(times=1)
    lane.read_plate(OTHER_PLATE, times=2, camera="cam-front-2")
    assert front(lane).status == "conflict"


def test_why_a_plate_was_not_read_is_said() -> None:
    lane = lane_at_arrival()
    assert (front(lane).reason, identity(lane).containers.reason) == ("no_picture", "no_picture")
    lane.frame("cam-front", PictureReading(unread=(Unread("plate", "too_small"), Unread("container", "dark"))))
    lane.frame("cam-right", PictureReading(unread=(Unread("picture", "dark"),)))
    assert (front(lane).reason, identity(lane).containers.reason) == ("too_small", "dark")
    lane.lose_device("cam-front")
    lane.lose_device("cam-right")
    lane.lose_device("reader")
    assert lane.phase is Phase.WAITING, "nothing more to wait for"
    found = identity(lane)
    assert (front(lane).reason, found.containers.reason, found.tag.reason) == ("device_lost",) * 3


def test_d4_a_lost_camera_is_not_waited_for() -> None:
    lane = lane_at_arrival()
    lane.read_plate()
    lane.read_tag()
    assert lane.phase is Phase.IDENTIFYING
    lane.lose_device("cam-right")
    assert lane.phase is Phase.WAITING


def test_a_camera_that_was_lost_and_came_back_is_waited_for() -> None:
    lane = lane_at_arrival()
    lane.lose_device("cam-right")
    lane.lose_device("cam-right")
    lane.device_back("cam-right")
    lane.device_back("cam-right")
    lane.read_plate()
    lane.read_tag()
    assert (lane.phase, lane.state.alarms, lane.alarms_raised) == (Phase.IDENTIFYING, (), ["device_lost_cam-right"])


def test_a_camera_that_had_its_chance_is_not_waited_for() -> None:
    lane = lane_at_arrival()
    lane.read_plate()
    lane.read_tag()
    for _ in range(5):
        lane.frame("cam-right", PictureReading())
    assert lane.phase is Phase.IDENTIFYING
    lane.frame("cam-right", PictureReading())
    assert lane.phase is Phase.WAITING
    assert identity(lane).containers.reason == "no_agreement"


def test_time_ends_the_waiting_for_readings() -> None:
    lane = lane_at_arrival()
    lane.tick(lane.at_ms + 14_999)
    assert lane.phase is Phase.IDENTIFYING
    lane.tick()
    assert lane.phase is Phase.WAITING


@pytest.mark.parametrize("text", ["MSCU1234567", "CSQU3054384", "CSQU305438"])
def test_d7_a_code_that_is_not_verified_is_no_reading(text: str) -> None:
    lane = lane_at_arrival()
    lane.read_container(text, times=4)
    assert (identity(lane).containers.status, codes(lane)) == ("unread", [])


def test_d9_a_code_that_was_seen_once_hides_none_that_frames_agree_about_and_is_told() -> None:
    lane = lane_at_arrival()
    lane.read_container(OTHER_CODE, times=1)
    lane.read_container(CODE)
    found = identity(lane).containers
    assert (found.status, found.reason) == ("conflict", "code_seen_once")
    assert [[one.code for one in seen] for seen in found.candidates] == [[CODE], [OTHER_CODE]]


def test_d9_two_codes_seen_by_two_cameras_are_two_boxes() -> None:
    lane = lane_at_arrival(TWO_SIDES)
    lane.read_plate()
    lane.read_tag()
    lane.read_container(CODE)
    assert lane.phase is Phase.IDENTIFYING, "the other side had no chance yet"
    lane.read_container(OTHER_CODE, camera="cam-left")
    assert (lane.phase, codes(lane)) == (Phase.WAITING, [CODE, OTHER_CODE])


def test_d9_one_box_seen_by_two_cameras_is_one() -> None:
    lane = lane_at_arrival(TWO_SIDES)
    lane.read_container(CODE)
    lane.read_container(CODE, camera="cam-left")
    assert codes(lane) == [CODE]


def test_d9_a_code_seen_once_beside_one_that_agrees_is_a_conflict() -> None:
    lane = lane_at_arrival()
    lane.read_container(CODE)
    lane.read_plate()
    lane.read_container(OTHER_CODE, times=1)
    lane.read_tag()
    assert lane.phase is Phase.IDENTIFYING, "the second code waits for its agreement"
    lane.tick()
    assert (identity(lane).containers.status, identity(lane).containers.reason) == ("conflict", "code_seen_once")


def test_d9_three_boxes_are_a_conflict() -> None:
    lane = lane_at_arrival()
    lane.read_container(CODE, OTHER_CODE, THIRD_CODE)
    assert (identity(lane).containers.status, identity(lane).containers.reason) == ("conflict", "too_many_codes")


def test_the_last_size_and_type_is_kept() -> None:
    lane = lane_at_arrival()
    lane.frame("cam-right", boxes_seen(CODE, size_type="22G1"))
    lane.frame("cam-right", boxes_seen(CODE))
    value = identity(lane).containers.value
    assert value is not None
    assert value[0].size_type == "22G1"


def test_a_lane_without_cameras_or_reader_did_not_look() -> None:
    lane = lane_at_arrival(replace(PROFILE, cameras=(), tag_reader=None))
    found = identity(lane)
    assert (found.plates, found.containers.reason, found.tag.reason) == ((), "not_looked_for", "not_looked_for")


def test_d11_a_buffered_tag_does_not_count() -> None:
    lane = lane_at_arrival()
    lane.read_tag(age_ms=1)
    assert lane.passage.tags == ()
    lane.read_tag()
    assert identity(lane).tag.value.epc == EPC  # type: ignore[union-attr]


def test_d10_a_tag_of_the_neighbour_lane_counts_only_after_enough_reads() -> None:
    lane = lane_at_arrival(replace(PROFILE, tag_min_reads=3))
    for _ in range(3):
        lane.read_tag()
    lane.read_tag("E2FF")
    assert identity(lane).tag.status == "read"
    lane.read_tag("E2FF")
    lane.read_tag("E2FF")
    assert (identity(lane).tag.status, identity(lane).tag.reason) == ("conflict", "several_tags")


def test_d12_one_epc_with_two_tids_is_a_conflict() -> None:
    lane = lane_at_arrival()
    lane.read_tag(tid="E2801160")
    lane.read_tag(tid="E2801161")
    assert identity(lane).tag.status == "conflict"


def test_d13_a_flood_of_tags_is_bounded_and_repeats_are_no_news() -> None:
    lane = lane_at_arrival()
    for number in range(1_000):
        lane.read_tag(f"E200{number:04X}")
    assert len(lane.passage.tags) == 16
    before = lane.state
    lane.read_tag("E2000000")
    assert lane.state == before
    assert identity(lane).tag.status == "conflict"


def test_frames_are_bounded_whatever_a_camera_sends() -> None:
    lane = lane_at_arrival()
    for _ in range(100):
        lane.frame("cam-unknown", PictureReading())
    assert len(lane.passage.frames) == 64


def test_whoever_a_person_lets_in_unidentified_is_still_seen() -> None:
    lane = LaneBench()
    lane.order("open")
    lane.durable()
    lane.arrive()
    lane.read_plate()
    lane.scan(boom_up=False, boom_down=False)
    lane.scan(boom_up=True)
    lane.close()
    lane.fall()
    assert dict(lane.last(EndPassage).identity.plates)["front"].status == "read"
