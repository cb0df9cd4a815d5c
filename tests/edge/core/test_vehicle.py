"""Tractor and trailer are two identities: both are matched, and what cannot stand on one vehicle is told."""

from dataclasses import replace

import pytest

from edge.core.container import parse_container
from edge.core.effects import Report
from edge.core.grant import NotedPlate, ReleaseNote
from edge.core.plate import parse_plate
from edge.core.policy import mismatches
from edge.core.profile import CameraProfile
from edge.core.readings import Identity, Reading
from edge.core.referral import Referral, marks, recheck
from edge.core.state import Phase
from edge.core.vehicle import of_two_vehicles
from tests.support.lane_bench import CODE, NOTE, PLATE, PROFILE, LaneBench, plate_seen
from tests.support.offline import OFFLINE, OfflineBench

TRAILER, OTHER_TRAILER, OTHER_PLATE = "冀B1A2C挂", "冀B9999挂", "京A12345"
REAR = CameraProfile("cam-rear", "rear", ("plate",))
BOTH = replace(PROFILE, cameras=(*PROFILE.cameras, REAR), must_match=("front_plate", "rear_plate", "containers", "tag"))
NOTED = replace(NOTE, plates=(*NOTE.plates, NotedPlate("rear", TRAILER)))


def plates(front: str | None, rear: str | None) -> Identity:
    read = []
    for place, text in (("front", front), ("rear", rear)):
        plate = parse_plate(text) if text else None
        read.append((place, Reading("read", plate, 0.9) if plate else Reading("unread", reason="dark")))
    return Identity(plates=tuple(read))  # type: ignore[arg-type]


def note(front: str | None = PLATE, rear: str | None = None) -> ReleaseNote:
    noted = [NotedPlate(place, text) for place, text in (("front", front), ("rear", rear)) if text]
    return ReleaseNote("n", tuple(noted))


NOT_TRAILER, OF_TRAILER = ("rear_plate_not_trailer",), ("front_plate_of_trailer",)


@pytest.mark.hazard("D8")
@pytest.mark.parametrize(
    ("front", "rear", "named", "reasons"),
    [
        (PLATE, TRAILER, note(PLATE, TRAILER), ()),
        (PLATE, TRAILER, note(), ()),
        (PLATE, OTHER_TRAILER, note(PLATE, TRAILER), ()),
        (PLATE, None, note(PLATE, TRAILER), ()),
        (PLATE, PLATE, note(), ()),
        (PLATE, PLATE, note(PLATE, TRAILER), NOT_TRAILER),
        (PLATE, OTHER_PLATE, note(), NOT_TRAILER),
        (PLATE, OTHER_PLATE, note(PLATE, TRAILER), NOT_TRAILER),
        (PLATE, OTHER_PLATE, note(PLATE, OTHER_PLATE), ()),
        (PLATE, OTHER_PLATE, None, NOT_TRAILER),
        (None, OTHER_PLATE, note(), NOT_TRAILER),
        (None, PLATE, note(), ()),
        (None, OTHER_PLATE, note(None), ()),
        (None, OTHER_PLATE, None, ()),
        (TRAILER, None, note(), OF_TRAILER),
        (TRAILER, TRAILER, note(TRAILER), OF_TRAILER),
    ],
)
def test_which_plates_can_stand_on_one_vehicle(
    front: str | None, rear: str | None, named: ReleaseNote | None, reasons: tuple[str, ...]
) -> None:
    assert of_two_vehicles(plates(front, rear), named) == reasons


def test_a_vehicle_seen_from_one_side_alone_is_one() -> None:
    (front,) = plates(PLATE, None).plates[:1]
    assert of_two_vehicles(Identity(plates=(front,)), note(PLATE, TRAILER)) == ()


def lane_with(rear: str | None, *, front: str = PLATE) -> LaneBench:
    lane = LaneBench(BOTH)
    lane.arrive()
    lane.read_plate(front)
    lane.read_container()
    lane.read_tag()
    if rear is not None:
        for _ in range(2):
            lane.frame("cam-rear", plate_seen(rear, "yellow"))
    else:
        lane.tick()
    lane.prepare()
    return lane


def test_tractor_and_trailer_are_read_told_and_released_apart() -> None:
    lane = lane_with(TRAILER)
    told = dict(next(one for one in lane.all(Report) if one.name == "identified").fields)
    assert (told["front_plate"], told["rear_plate"]) == ("read", "read")
    assert [(place, one.value.kind) for place, one in lane.passage.identity.plates] == [  # type: ignore[union-attr]
        ("front", "ordinary"),
        ("rear", "trailer"),
    ]
    lane.answer(note=NOTED)
    assert lane.phase is Phase.CONSUMING


@pytest.mark.hazard("D8")
@pytest.mark.parametrize(
    ("rear", "noted", "reasons"),
    [
        (OTHER_TRAILER, NOTED, ("mismatch_rear_plate",)),
        (PLATE, NOTED, ("mismatch_rear_plate", "rear_plate_not_trailer")),
        (OTHER_PLATE, NOTE, ("rear_plate_not_trailer",)),
        (TRAILER, NOTE, ("not_noted_rear_plate",)),
        (None, NOTED, ("unread_rear_plate",)),
    ],
)
def test_another_trailer_or_none_is_held_and_told(
    rear: str | None, noted: ReleaseNote, reasons: tuple[str, ...]
) -> None:
    lane = lane_with(rear)
    lane.answer(note=noted)
    assert (lane.phase, lane.passage.reasons) == (Phase.HELD, reasons)
    decided = dict(next(one for one in reversed(lane.all(Report)) if one.name == "decided").fields)
    assert decided["reasons"] == ",".join(reasons)


def test_a_rear_plate_that_need_not_match_still_may_not_be_another_vehicles() -> None:
    profile = replace(BOTH, must_match=PROFILE.must_match)
    lane = LaneBench(profile)
    lane.arrive()
    for _ in range(2):
        lane.frame("cam-rear", plate_seen(OTHER_PLATE))
    lane.read_plate()
    lane.read_container()
    lane.read_tag()
    lane.prepare()
    lane.answer()
    assert (lane.phase, lane.passage.reasons) == (Phase.HELD, ("rear_plate_not_trailer",))


@pytest.mark.hazard("D3")
def test_the_rear_of_the_vehicle_in_front_is_no_front_plate() -> None:
    lane = lane_with(TRAILER, front=OTHER_TRAILER)
    lane.answer(note=NOTED)
    assert lane.passage.reasons == ("mismatch_front_plate", "front_plate_of_trailer")


def test_a_referred_tractor_that_comes_back_with_another_trailer_was_swapped() -> None:
    lane = lane_with(TRAILER)
    lane.answer("refer", target="bay")
    lane.scan(arrival_loop=False)
    (referral,) = lane.state.referrals
    found = recheck((referral,), plates(PLATE, OTHER_TRAILER), "another")
    assert found is not None
    assert found.swapped == ("rear_plate",)
    assert "referral_swapped_rear_plate" in found.objections
    assert dict(marks(plates(PLATE, TRAILER), referral.key))["rear_plate"] == dict(referral.marks)["rear_plate"]


@pytest.mark.hazard("I21")
def test_plates_of_two_vehicles_do_not_pass_unasked() -> None:
    lane = OfflineBench(replace(OFFLINE, cameras=(*OFFLINE.cameras, REAR)))
    lane.arrive()
    for _ in range(2):
        lane.frame("cam-rear", plate_seen(OTHER_PLATE))
    lane.read_plate()
    lane.read_container()
    lane.read_tag(tid="E2003412DC03011A06052A2C")
    lane.prepare()
    lane.give_up()
    assert lane.why == "conflict"


def test_a_trailer_that_nobody_noted_contradicts_nothing_where_it_need_not_match() -> None:
    lane = lane_with(TRAILER)
    identity = lane.passage.identity
    assert identity is not None
    lane.answer(note=NOTE)
    assert mismatches(replace(BOTH, must_match=PROFILE.must_match), identity, lane.passage.requests) == ()


def seen(plate: str, *codes: str, read: bool = True) -> Identity:
    found = parse_plate(plate)
    boxes = tuple(parse_container(code) for code in codes)
    containers = Reading("read", boxes, 0.9) if read else Reading("unread", reason="dark")
    return Identity((("front", Reading("read", found, 0.9)),), containers)  # type: ignore[arg-type]


def test_who_comes_back_without_its_box_was_swapped_and_no_box_is_nothing_to_know_a_vehicle_by() -> None:
    key = "ab" * 32
    loaded = Referral("r", "p", key, marks(seen(PLATE, CODE), key), ("bay",), ("customs",), 0, 1)
    empty = replace(loaded, marks=marks(seen(PLATE), key))
    for one, identity, swapped in (
        (loaded, seen(PLATE, CODE), ()),
        (loaded, seen(PLATE), ("containers",)),
        (loaded, seen(PLATE, read=False), ()),
        (empty, seen(PLATE), ()),
        (empty, seen(PLATE, CODE), ("containers",)),
    ):
        found = recheck((one,), identity, "another")
        assert found is not None
        assert found.swapped == swapped
    assert recheck((empty,), seen(OTHER_PLATE), "another") is None, "two empty vehicles are not one"
    known_by_its_box = recheck((loaded,), seen(OTHER_PLATE, CODE), "another")
    assert known_by_its_box is not None
    assert known_by_its_box.swapped == ("front_plate",)
