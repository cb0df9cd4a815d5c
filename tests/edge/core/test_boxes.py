"""Which boxes stand on the vehicle: two in their order, one, or provably none."""

from dataclasses import replace

import pytest

from edge.core.boxes import fuse_containers
from edge.core.container import parse_container
from edge.core.effects import EndPassage
from edge.core.events import FrameRead
from edge.core.profile import CameraProfile, LaneProfile
from edge.core.readings import ContainerSighting, PictureReading, Reading, Unread, VehicleSighting
from edge.core.state import Passage, Phase
from tests.support.lane_bench import CODE, NOTE, PROFILE, LaneBench

A, B = "CSQU3054383", "HLXU4074106"
PLACES = ("front", "rear", "left", "right", "top")
CAMERAS = tuple(CameraProfile(place, place, ("container",), frames_needed=1) for place in PLACES)
TRUCK = VehicleSighting("truck", 0.9, (0, 0, 500, 300))
NOTHING = Unread("container", "not_found")


def seen(*codes: str, at: tuple[int, ...] = (0, 200)) -> PictureReading:
    """A picture with these codes, each 150 px wide, at these places from the left."""
    sightings = []
    for code, left in zip(codes, at, strict=False):
        container = parse_container(code)
        assert container is not None
        sightings.append(ContainerSighting(container, 0.9, (left, 0, 150, 30)))
    return PictureReading(containers=tuple(sightings), vehicles=(TRUCK,))


def boxes(**views: PictureReading | tuple[PictureReading, ...]) -> Reading:  # type: ignore[type-arg]
    """What the cameras at these places make of the vehicle together."""
    frames = [
        FrameRead(1, "p", place, f"{place}-{number}", 1, reading)
        for place, readings in views.items()
        for number, reading in enumerate(readings if isinstance(readings, tuple) else (readings,))
    ]
    cameras = tuple(camera for camera in CAMERAS if camera.id in views)
    profile = LaneProfile("site", "lane", "in", authorities=(), cameras=cameras)
    return fuse_containers(profile, Passage("p", 0, frames=tuple(frames)), ())


def codes(reading: Reading) -> list[str]:  # type: ignore[type-arg]
    return [one.code for one in reading.value or ()]


# --- order ----------------------------------------------------------------------------------------------------------


@pytest.mark.hazard("D9")
@pytest.mark.parametrize(
    ("views", "order"),
    [
        ({"left": seen(A, B)}, [A, B]),
        ({"left": seen(B, A)}, [B, A]),
        ({"right": seen(A, B)}, [B, A]),
        ({"left": seen(A, B), "right": seen(B, A)}, [A, B]),
        ({"front": seen(B), "left": seen(A, B, at=(0, 100))}, [B, A]),
        ({"front": seen(A), "rear": seen(B)}, [A, B]),
        ({"front": seen(B), "top": seen(A, B)}, [B, A]),
        ({"rear": seen(A), "top": seen(A, B)}, [B, A]),
        ({"front": seen(A), "right": seen(B)}, [A, B]),
        ({"left": seen(A, B), "right": seen(B)}, [A, B]),
        ({"left": (seen(A), seen(B), seen(A, B))}, [A, B]),
    ],
)
def test_d9_two_boxes_stand_front_to_rear_as_the_views_show_them(
    views: dict[str, PictureReading], order: list[str]
) -> None:
    reading = boxes(**views)
    assert (reading.status, reading.reason, codes(reading)) == ("read", None, order)


@pytest.mark.hazard("D9")
@pytest.mark.parametrize(
    "views",
    [
        {"top": seen(A, B)},
        {"left": seen(A), "right": seen(B)},
        {"left": seen(A, B, at=(0, 100))},
        {"left": seen(A, B, at=(0, 0))},
        {"front": seen(A, B)},
        {"rear": seen(A, B)},
    ],
)
def test_an_order_that_no_view_shows_is_not_known(views: dict[str, PictureReading]) -> None:
    reading = boxes(**views)
    assert (reading.status, reading.reason) == ("read", "order_not_seen")
    assert sorted(codes(reading)) == [A, B]


@pytest.mark.hazard("D8", "D9")
@pytest.mark.parametrize(
    "views",
    [
        {"left": seen(A, B), "right": seen(A, B)},
        {"left": (seen(A, B), seen(B, A))},
        {"front": seen(B), "left": seen(A, B)},
        {"rear": seen(A), "left": seen(A, B)},
        {"front": seen(A), "rear": seen(A), "top": seen(A, B)},
    ],
)
def test_d8_views_that_disagree_about_the_order_are_a_conflict(views: dict[str, PictureReading]) -> None:
    reading = boxes(**views)
    assert (reading.status, reading.reason, reading.value) == ("conflict", "order_disagrees", None)
    assert {tuple(one.code for one in candidate) for candidate in reading.candidates} == {(A, B), (B, A)}


@pytest.mark.hazard("D9")
def test_d9_one_long_box_that_is_read_in_front_and_behind_is_one() -> None:
    reading = boxes(front=seen(A), rear=seen(A), left=seen(A, A))
    assert (reading.status, reading.reason, codes(reading)) == ("read", None, [A])


def test_a_code_painted_twice_on_a_box_lies_where_both_lie() -> None:
    assert codes(boxes(left=seen(A, A, B, at=(0, 200, 400)))) == [A, B]
    assert boxes(left=seen(A, B, A, at=(0, 200, 400))).reason == "order_not_seen"


# --- no box ---------------------------------------------------------------------------------------------------------


def shows(vehicle: str | None = "truck", *unread: Unread, container: str | None = None) -> PictureReading:
    vehicles = () if vehicle is None else (VehicleSighting(vehicle, 0.8, (0, 0, 500, 300)),)
    return PictureReading((), seen(container).containers if container else (), vehicles, unread)


@pytest.mark.hazard("D9")
def test_d9_a_vehicle_that_every_camera_shows_without_a_box_is_empty() -> None:
    reading = boxes(left=shows("truck", NOTHING), right=shows("truck"))
    assert (reading.status, reading.value, reading.reason, reading.confidence) == ("read", (), None, 0.8)
    assert reading.evidence == ("left-0", "right-0")


@pytest.mark.hazard("D9")
@pytest.mark.parametrize(
    ("views", "reason"),
    [
        ({"left": shows("truck", NOTHING), "right": shows(None, NOTHING)}, "not_found"),
        ({"left": shows("truck", NOTHING), "right": ()}, "not_found"),
        ({"left": shows(None)}, "no_agreement"),
        ({"left": shows("truck", Unread("picture", "dark"))}, "dark"),
        ({"left": shows("truck", Unread("container", "check_digit"))}, "check_digit"),
        ({"left": shows("truck", Unread("container", "not_found", (1, 1, 2, 2)))}, "not_found"),
        ({"left": shows("container", NOTHING)}, "not_found"),
        ({"left": replace(shows(), vehicles=(TRUCK, *shows("container").vehicles))}, "no_agreement"),
        ({"left": shows(container="MSCU1234567")}, "no_agreement"),
        ({"left": (shows(), shows(), shows("container"))}, "no_agreement"),
        ({"left": (shows(), shows(container="CSQU305438"))}, "no_agreement"),
        ({"left": shows(), "right": shows(container="CSQU305438")}, "no_agreement"),
    ],
)
def test_anything_less_is_unread_and_never_empty(views: dict[str, PictureReading], reason: str) -> None:
    reading = boxes(**views)
    assert (reading.status, reading.value, reading.reason) == ("unread", None, reason)


def test_a_plate_that_was_not_read_says_nothing_of_boxes() -> None:
    assert boxes(left=shows("truck", Unread("plate", "not_found"))).value == ()


def test_one_frame_without_a_box_is_no_agreement() -> None:
    lane = LaneBench()
    lane.arrive()
    lane.read_empty(times=1)
    assert fuse_containers(PROFILE, lane.passage, ()).status == "unread"
    lane.read_empty(times=1)
    assert fuse_containers(PROFILE, lane.passage, ()).value == ()


def test_an_empty_vehicle_is_looked_at_as_often_as_the_camera_may() -> None:
    lane = LaneBench()
    lane.arrive()
    lane.read_plate()
    lane.read_tag()
    lane.read_empty(times=5)
    assert lane.phase is Phase.IDENTIFYING, "a box may still come into view"
    lane.read_empty(times=1)
    assert lane.phase is Phase.WAITING


def test_a_box_that_comes_into_view_late_is_never_overlooked() -> None:
    lane = LaneBench()
    lane.arrive()
    lane.read_empty(times=4)
    lane.read_container(CODE)
    assert codes(fuse_containers(PROFILE, lane.passage, ())) == [CODE]


def test_time_ends_the_wait_for_a_box_too() -> None:
    lane = LaneBench()
    lane.arrive()
    lane.read_empty(times=2)
    lane.tick()
    assert lane.passage.identity is not None
    assert lane.passage.identity.containers.value == ()


def empty_vehicle() -> LaneBench:
    lane = LaneBench()
    lane.arrive()
    lane.read_plate()
    lane.read_tag()
    lane.read_empty(times=6)
    lane.prepare()
    return lane


@pytest.mark.hazard("D9")
def test_d9_a_release_note_without_boxes_matches_a_vehicle_that_was_seen_empty() -> None:
    lane = empty_vehicle()
    lane.answer(note=replace(NOTE, containers=()))
    assert lane.phase is Phase.CONSUMING
    lane.durable()
    lane.scan(2, boom_up=False, boom_down=False)
    lane.scan(boom_up=True)
    lane.close()
    lane.fall()
    assert (lane.ended, lane.last(EndPassage).cargo_class) == (["PASSED"], "empty")


def test_an_empty_vehicle_does_not_match_a_note_with_a_box_nor_a_loaded_one_a_note_without() -> None:
    lane = empty_vehicle()
    lane.answer(note=NOTE)
    assert (lane.phase, lane.passage.reasons) == (Phase.HELD, ("mismatch_containers",))
    lane = LaneBench()
    lane.identify()
    lane.answer(note=replace(NOTE, containers=()))
    assert (lane.phase, lane.passage.reasons) == (Phase.HELD, ("mismatch_containers",))


def test_a_vehicle_whose_boxes_were_not_read_matches_no_note_not_even_one_without() -> None:
    lane = LaneBench()
    lane.arrive()
    lane.read_plate()
    lane.read_tag()
    for _ in range(6):
        lane.frame("cam-right", PictureReading(unread=(NOTHING,)))
    lane.prepare()
    lane.answer(note=replace(NOTE, containers=()))
    assert (lane.phase, lane.passage.reasons) == (Phase.HELD, ("unread_containers",))
