"""Beams at both ends of the scale: a weight counts for one vehicle that stands there alone, and as a whole."""

from dataclasses import replace

import pytest

from edge.core.events import Weighed
from edge.core.profile import CameraProfile
from edge.core.readings import PictureReading, Reading, Weight
from edge.core.scale import NOT_ALONE, PARTLY, doubt
from edge.core.state import Phase
from edge.core.weight import Weighing
from tests.edge.core.test_weight import WITH_SCALE, asked, weigh
from tests.support.lane_bench import DOWN, MOVING, UP, LaneBench

BEAMED = replace(WITH_SCALE, scale_beams=True)
CLEAR = {"scale_front_beam": False, "scale_rear_beam": False}
OVER_FRONT = {"scale_front_beam": True, "scale_rear_beam": False}
OVER_REAR = {"scale_front_beam": False, "scale_rear_beam": True}


def empty(lane: LaneBench) -> None:
    lane.take(Weighed(lane.at_ms, Weighing("empty", None, lane.at_ms)))


def ready() -> LaneBench:
    lane = LaneBench(BEAMED)
    empty(lane)
    lane.scan(**CLEAR)
    return lane


def drives_on(lane: LaneBench) -> None:
    lane.scan(**OVER_REAR)
    weigh(lane, status="moving")
    lane.scan(**CLEAR)


def stands(lane: LaneBench) -> None:
    lane.arrive()
    lane.read_tag()


def waits_in_vain(lane: LaneBench) -> Reading[Weight]:
    assert lane.phase is Phase.IDENTIFYING
    lane.scan(BEAMED.timing.identify_ms // 50 + 1)
    lane.tick()
    return asked(lane)


def test_one_whole_vehicle_is_weighed() -> None:
    lane = ready()
    drives_on(lane)
    stands(lane)
    weigh(lane)
    assert asked(lane) == Reading("read", Weight(18_850), 1.0)


@pytest.mark.parametrize("beams", [OVER_REAR, OVER_FRONT], ids=["an_axle_still_off", "too_far_on"])
def test_a_vehicle_that_reaches_over_an_end_has_no_weight_until_it_stands_whole(beams: dict[str, bool]) -> None:
    lane = ready()
    drives_on(lane)
    stands(lane)
    lane.scan(**beams)
    weigh(lane, 12_300)
    assert lane.passage.scale_doubt == PARTLY
    assert waits_in_vain(lane) == Reading("unread", reason=PARTLY)


def test_the_same_weight_counts_once_the_beam_is_clear() -> None:
    lane = ready()
    lane.scan(**OVER_REAR)
    weigh(lane, status="moving")
    stands(lane)
    weigh(lane)
    assert lane.phase is Phase.IDENTIFYING
    lane.scan(**CLEAR)
    assert asked(lane).value == Weight(18_850)


def test_what_is_worth_another_look_is_looked_at_again_and_not_concluded_by_a_beam() -> None:
    camera = CameraProfile("front", "front", ("plate",), 2, 2)
    profile = replace(BEAMED, cameras=(camera,), must_match=("front_plate", "weight"), recaptures=1)
    lane = LaneBench(profile)
    empty(lane)
    lane.scan(**OVER_REAR)
    stands(lane)
    weigh(lane)
    for number in range(2):
        lane.frame("front", PictureReading(), sha256=str(number))
    assert lane.phase is Phase.IDENTIFYING
    lane.scan(**CLEAR)
    assert (lane.phase, lane.passage.recaptures) == (Phase.IDENTIFYING, 0)
    lane.scan(profile.timing.identify_ms // 50)
    lane.tick()
    assert (lane.phase, lane.passage.recaptures) == (Phase.IDENTIFYING, 1)


def test_two_vehicles_have_no_weight_between_them() -> None:
    lane = ready()
    drives_on(lane)
    drives_on(lane)
    stands(lane)
    weigh(lane, 27_400)
    assert lane.state.on_scale == 2
    assert waits_in_vain(lane) == Reading("unread", reason=NOT_ALONE)


def test_who_is_left_on_the_scale_has_a_weight_of_his_own_again() -> None:
    lane = ready()
    drives_on(lane)
    drives_on(lane)
    lane.scan(**OVER_FRONT)
    weigh(lane, status="moving")
    lane.scan(**CLEAR)
    stands(lane)
    weigh(lane)
    assert asked(lane).value == Weight(18_850)


def test_an_empty_scale_counts_whoever_reaches_over_an_end_and_nobody_else() -> None:
    lane = ready()
    drives_on(lane)
    drives_on(lane)
    lane.scan(**OVER_REAR)
    empty(lane)
    assert lane.state.on_scale == 1
    lane.scan(**CLEAR)
    assert lane.state.on_scale == 0
    drives_on(lane)
    assert doubt(lane.state) is None


@pytest.mark.parametrize("unknown", ["scale_front_beam", "scale_rear_beam"])
def test_a_beam_that_is_not_known_speaks_against_every_weight_until_the_scale_was_empty(unknown: str) -> None:
    lane = ready()
    drives_on(lane)
    stands(lane)
    lane.scan(**{unknown: None})
    assert lane.passage.scale_doubt == PARTLY
    lane.scan(**CLEAR)
    assert lane.state.on_scale is None
    weigh(lane)
    assert waits_in_vain(lane) == Reading("unread", reason=NOT_ALONE)


def test_inputs_that_are_lost_leave_nothing_counted() -> None:
    lane = ready()
    drives_on(lane)
    lane.lose_inputs()
    assert (lane.state.on_scale, doubt(lane.state)) == (None, PARTLY)
    lane.scan(**CLEAR)
    assert doubt(lane.state) == NOT_ALONE


def test_a_vehicle_that_stood_there_at_the_start_has_no_weight() -> None:
    lane = LaneBench(BEAMED)
    lane.scan(**CLEAR)
    weigh(lane)
    stands(lane)
    assert waits_in_vain(lane) == Reading("unread", reason=NOT_ALONE)


def test_without_beams_nothing_is_counted_and_nothing_doubted() -> None:
    lane = LaneBench(WITH_SCALE)
    lane.scan(**OVER_REAR)
    assert (lane.state.on_scale, doubt(lane.state)) == (None, None)


def followed_closely(lane: LaneBench) -> None:
    """The first one passes; the loop stays occupied by the second, which is on the scale before the first is off."""
    drives_on(lane)
    stands(lane)
    weigh(lane)
    lane.order("open")
    lane.durable()
    lane.scan(2, **MOVING)
    lane.scan(**UP)
    lane.scan(safety_loop=True)
    lane.scan(**OVER_REAR)
    lane.scan(exit_loop=True, **CLEAR)
    lane.scan(**OVER_FRONT)
    lane.scan(safety_loop=False, **CLEAR)


def ends_and_begins(lane: LaneBench) -> None:
    lane.scan(exit_loop=False)
    lane.scan_until(lambda: lane.phase is Phase.CLOSING)
    lane.scan(2, **MOVING)
    lane.scan(**DOWN)
    lane.scan_until(lambda: lane.state.passage is not None)
    lane.read_tag()


@pytest.mark.hazard("I16")
def test_who_follows_so_closely_that_the_loop_stays_occupied_is_weighed() -> None:
    lane = ready()
    followed_closely(lane)
    lane.scan(2)
    weigh(lane, 23_960)
    ends_and_begins(lane)
    assert lane.ended == ["MANUAL_PASSED"]
    assert asked(lane).value == Weight(23_960)


@pytest.mark.hazard("I16")
def test_a_display_that_stuck_gives_who_follows_closely_no_weight() -> None:
    lane = ready()
    followed_closely(lane)
    ends_and_begins(lane)
    assert lane.state.on_scale == 1
    assert lane.passage.weighing is None
