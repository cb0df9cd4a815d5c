"""The weight of a passage: told where it is read, said as unread where it is not, demanded where configured."""

from dataclasses import replace

import pytest

from edge.core.effects import EndPassage, PrepareRequest
from edge.core.events import Weighed
from edge.core.offline import _unclear
from edge.core.profile import LaneProfile
from edge.core.readings import Identity, Reading, Weight
from edge.core.state import Phase
from edge.core.weight import ROLLS_OFF_MS, Weighing, WeighingStatus, fuse_weight
from tests.support.lane_bench import DOWN, MOVING, PROFILE, SCAN_MS, UP, LaneBench

SCALE = "scale-1"
WITH_SCALE = replace(PROFILE, cameras=(), must_match=("tag", "weight"), weighbridge=SCALE)


def weigh(lane: LaneBench, kg: int | None = 18_850, status: WeighingStatus = "stable") -> None:
    lane.take(Weighed(lane.at_ms, Weighing(status, kg if status == "stable" else None, lane.at_ms)))


def arrived(profile: LaneProfile = WITH_SCALE) -> LaneBench:
    lane = LaneBench(profile)
    lane.arrive()
    lane.read_tag()
    return lane


def asked(lane: LaneBench) -> Reading[Weight]:
    weight = lane.all(PrepareRequest)[-1].identity.weight
    assert isinstance(weight, Reading)
    return weight


def test_a_lane_with_a_scale_waits_for_the_weight_and_asks_with_it() -> None:
    lane = arrived()
    weigh(lane, status="moving")
    assert lane.phase is Phase.IDENTIFYING
    weigh(lane)
    assert lane.phase is Phase.WAITING
    assert asked(lane) == Reading("read", Weight(18_850), 1.0)
    lane.prepare()
    lane.answer("release")
    assert lane.phase is Phase.CONSUMING


def test_a_lane_without_a_scale_looks_for_none() -> None:
    lane = arrived(replace(WITH_SCALE, weighbridge=None, must_match=("tag",)))
    assert lane.phase is Phase.WAITING
    assert asked(lane) == Reading("unread", reason="not_looked_for")


@pytest.mark.parametrize(
    ("kg", "status", "reason"),
    [
        (None, "moving", "moving"), (None, "overload", "overload"), (None, "tared", "tared"),
        (None, "empty", "empty"),
    ],
)  # fmt: skip
@pytest.mark.parametrize("demanded", [True, False])
def test_no_weight_rather_than_a_wrong_one(kg: int | None, status: WeighingStatus, reason: str, demanded: bool) -> None:
    lane = arrived(WITH_SCALE if demanded else replace(WITH_SCALE, must_match=("tag",)))
    weigh(lane, kg, status)
    assert lane.phase is Phase.IDENTIFYING
    lane.scan(WITH_SCALE.timing.identify_ms // 50 + 1)
    lane.tick()
    assert asked(lane) == Reading("unread", reason=reason)
    lane.prepare()
    lane.answer("release")
    assert lane.phase is (Phase.HELD if demanded else Phase.CONSUMING)
    assert lane.passage.reasons == (("unread_weight",) if demanded else ())


def test_a_scale_that_says_nothing_and_one_that_is_lost_are_told_apart() -> None:
    lane = arrived()
    lane.scan(WITH_SCALE.timing.identify_ms // 50 + 1)
    lane.tick()
    assert asked(lane).reason == "no_weight"
    lane = arrived()
    weigh(lane, status="moving")
    lane.lose_device(SCALE)
    assert lane.phase is Phase.WAITING, "a lost scale is not waited for"
    assert asked(lane).reason == "device_lost"


def test_what_a_lost_scale_said_counts_no_more_when_it_is_back() -> None:
    lane = LaneBench(WITH_SCALE)
    weigh(lane)
    lane.lose_device(SCALE)
    assert lane.state.weighing is None
    lane.device_back(SCALE)
    lane.arrive()
    lane.read_tag()
    assert lane.phase is Phase.IDENTIFYING


def test_who_stood_on_the_scale_before_the_lane_was_free_is_weighed() -> None:
    lane = LaneBench(WITH_SCALE)
    weigh(lane)
    lane.arrive()
    lane.read_tag()
    assert asked(lane).value == Weight(18_850)


def test_an_indicator_that_is_stuck_gives_no_second_vehicle_the_weight_of_the_first() -> None:
    lane = arrived()
    weigh(lane)
    lane.scan(arrival_loop=False)
    lane.scan(3)
    assert lane.phase is Phase.IDLE
    lane.arrive()
    lane.read_tag()
    assert lane.phase is Phase.IDENTIFYING
    assert lane.passage.weighing is None
    weigh(lane, 23_960)
    assert asked(lane).value == Weight(23_960)


@pytest.mark.hazard("I16")
def test_a_weight_that_came_to_rest_after_its_vehicle_was_identified_is_not_the_next_ones() -> None:
    lane = arrived()
    weigh(lane, status="moving")
    lane.scan(WITH_SCALE.timing.identify_ms // 50 + 1)
    lane.tick()
    assert asked(lane).reason == "moving"
    weigh(lane)
    lane.scan(arrival_loop=False)
    lane.scan(3)
    assert lane.phase is Phase.IDLE
    lane.arrive()
    assert lane.passage.weighing is None


@pytest.mark.hazard("I16")
def test_a_display_that_sticks_as_a_vehicle_rolls_off_gives_the_next_one_nothing() -> None:
    lane = arrived()
    lane.scan(arrival_loop=False)
    lane.scan(3)
    stuck_ms = lane.at_ms + ROLLS_OFF_MS // 2
    assert lane.phase is Phase.IDLE
    lane.scan(20)
    lane.take(Weighed(lane.at_ms, Weighing("stable", 3_920, stuck_ms)))
    lane.arrive()
    assert lane.passage.weighing is None


@pytest.mark.hazard("I16")
def test_a_weight_that_came_to_rest_after_its_passage_had_ended_is_not_the_next_ones() -> None:
    lane = arrived(replace(WITH_SCALE, must_match=("tag",), timing=replace(WITH_SCALE.timing, hold_ms=1_000)))
    lane.scan(WITH_SCALE.timing.identify_ms // 50 + 1)
    lane.tick()
    lane.prepare()
    lane.answer("hold")
    lane.tick()
    assert (lane.phase, lane.ended) == (Phase.LEAVING, ["TIMEOUT"])
    weigh(lane)
    lane.scan(arrival_loop=False)
    lane.scan(3)
    lane.arrive()
    assert lane.passage.weighing is None


def test_who_comes_to_rest_behind_a_vehicle_that_drives_off_is_weighed() -> None:
    lane = LaneBench(WITH_SCALE)
    lane.order("open")
    lane.durable()
    lane.scan(2, **MOVING)
    lane.scan(arrival_loop=True, **UP)
    weigh(lane, 23_960)
    lane.scan(safety_loop=True)
    weigh(lane, status="moving")
    lane.scan(arrival_loop=False)
    lane.scan(exit_loop=True)
    lane.scan(arrival_loop=True)
    lane.scan(ROLLS_OFF_MS // SCAN_MS)
    weigh(lane)
    lane.scan(safety_loop=False)
    lane.scan(exit_loop=False)
    lane.scan_until(lambda: lane.phase is Phase.CLOSING)
    lane.scan(2, **MOVING)
    lane.scan(**DOWN)
    assert lane.last(EndPassage).identity.weight.value is None, "the first was moving when it left"
    lane.scan_until(lambda: lane.state.passage is not None)
    lane.read_tag()
    assert asked(lane).value == Weight(18_850)


def test_a_weight_that_changes_behind_the_conclusion_changes_nothing_but_a_retry() -> None:
    lane = arrived(replace(WITH_SCALE, must_match=("tag",)))
    weigh(lane)
    weigh(lane, 23_960)
    assert lane.passage.identity is not None
    assert lane.passage.identity.weight.value == Weight(18_850)
    lane.prepare()
    lane.answer("hold")
    lane.order("retry")
    lane.read_tag()
    assert asked(lane).value == Weight(23_960)


def test_in_heightened_mode_a_lane_with_a_scale_demands_the_weight() -> None:
    lane = LaneBench(replace(WITH_SCALE, must_match=("tag",)))
    lane.order_mode("HEIGHTENED")
    lane.arrive()
    lane.read_tag()
    weigh(lane, status="moving")
    lane.scan(WITH_SCALE.timing.identify_ms // 50 + 1)
    lane.tick()
    lane.prepare()
    lane.answer("release")
    assert (lane.phase, lane.passage.reasons) == (Phase.HELD, ("unread_weight",))


def test_no_list_lets_a_vehicle_pass_without_the_weight_that_is_demanded() -> None:
    tag = Reading("read", object(), 1.0)
    weighed = Identity(tag=tag, weight=Reading("read", Weight(18_850), 1.0))  # type: ignore[arg-type]
    assert _unclear(WITH_SCALE, weighed) is None
    assert _unclear(WITH_SCALE, replace(weighed, weight=Reading("unread", reason="moving"))) == "unread"


def test_a_weight_at_rest_is_read_as_it_is() -> None:
    assert fuse_weight(WITH_SCALE, Weighing("stable", 500, 0), ()).value == Weight(500)


@pytest.mark.hazard("I16")
def test_a_weight_of_a_vehicle_that_left_before_it_was_identified_is_not_the_next_ones() -> None:
    lane = LaneBench(WITH_SCALE)
    lane.arrive()
    weigh(lane)
    assert lane.phase is Phase.IDENTIFYING, "no tag was read"
    lane.scan(arrival_loop=False)
    lane.scan(3)
    assert lane.phase is Phase.IDLE
    lane.arrive()
    lane.read_tag()
    assert (lane.phase, lane.passage.weighing) == (Phase.IDENTIFYING, None)
    weigh(lane, 23_960)
    assert asked(lane).value == Weight(23_960)


def test_who_comes_to_rest_where_one_backed_out_of_an_open_lane_is_weighed() -> None:
    lane = LaneBench(WITH_SCALE)
    lane.arrive()
    lane.order("open")
    lane.durable()
    lane.scan(2, **MOVING)
    lane.scan(**UP)
    lane.scan(arrival_loop=False)
    lane.scan(ROLLS_OFF_MS // SCAN_MS + 1, arrival_loop=True)
    weigh(lane)
    lane.scan_until(lambda: lane.phase is Phase.CLOSING)
    lane.scan(2, **MOVING)
    lane.scan(**DOWN)
    assert lane.ended == ["ABANDONED"]
    lane.scan_until(lambda: lane.state.passage is not None)
    lane.read_tag()
    assert asked(lane).value == Weight(18_850)


@pytest.mark.hazard("I16")
def test_a_retry_behind_a_vehicle_that_drove_off_begins_with_no_weight_of_either() -> None:
    lane = LaneBench(WITH_SCALE)
    lane.order("open")
    lane.durable()
    lane.scan(arrival_loop=True)
    weigh(lane)
    lane.scan(safety_loop=True)
    lane.scan(arrival_loop=False)
    weigh(lane, 23_960)
    assert lane.passage.weighing is not None
    assert lane.passage.weighing.kg == 18_850
    lane.barrier("raise", "not_done")
    assert lane.phase is Phase.HELD
    lane.order("retry")
    assert lane.passage.weighing is None


def test_a_display_that_stuck_while_the_first_vehicle_drove_off_gives_the_second_no_weight() -> None:
    lane = arrived()
    weigh(lane)
    weigh(lane, 18_857)
    lane.scan(arrival_loop=False)
    lane.scan(10)
    assert lane.phase is Phase.IDLE
    lane.arrive()
    lane.read_tag()
    assert lane.passage.weighing is None
    lane.take(Weighed(lane.at_ms, Weighing("stable", 18_857, lane.at_ms - 500)))
    assert lane.passage.weighing is None, "told again behind a cable that was away"
    weigh(lane, status="moving")
    weigh(lane, 23_960)
    assert asked(lane).value == Weight(23_960)
