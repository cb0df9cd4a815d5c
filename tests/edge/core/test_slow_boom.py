"""P23: a boom in wind or ice that is slow but moves is told, and still serves."""

from dataclasses import replace

import pytest

from edge.core.effects import ClearAlarm, RaiseAlarm
from edge.core.state import Phase
from tests.support.lane_bench import DOWN, MOVING, PROFILE, UP, LaneBench

WATCHED = replace(PROFILE, timing=replace(PROFILE.timing, open_ms=4_000, close_ms=4_000, boom_slow_percent=50))


def stroke(lane: LaneBench, taken_ms: int, **end: bool) -> None:
    """Let the boom that was just asked to move need so long until it is measured at its end."""
    lane.scan(taken_ms // 50 - 1, **MOVING)
    lane.scan(**end)


def raised(taken_ms: int, lane: LaneBench) -> None:
    lane.consume()
    lane.durable()
    stroke(lane, taken_ms, **UP)
    assert lane.phase is Phase.OPEN, "slow is not stuck"


def lowered(taken_ms: int, lane: LaneBench) -> None:
    lane.close()
    stroke(lane, taken_ms, **DOWN)
    lane.scan()
    assert lane.phase is Phase.IDLE, "slow is not stuck"


@pytest.mark.parametrize(("taken_ms", "slow"), [(500, False), (2_000, False), (2_050, True), (3_950, True)])
def test_p23_a_slow_boom_is_told_and_the_next_good_stroke_ends_it(taken_ms: int, slow: bool) -> None:
    lane = LaneBench(WATCHED)
    raised(taken_ms, lane)
    lowered(taken_ms, lane)
    codes = ["boom_slow_raising", "boom_slow_lowering"] if slow else []
    assert (lane.alarms_raised, list(lane.state.alarms)) == (codes, codes), "a warning outlives a lane that is ready"
    assert lane.ended == ["PASSED"]
    if slow:
        assert lane.all(RaiseAlarm)[0].detail == f"{taken_ms} ms of at most 4000 ms"
    lane.forget()
    raised(1_000, lane)
    lowered(1_000, lane)
    assert [one.code for one in lane.all(ClearAlarm)] == codes
    assert lane.state.alarms == ()


def test_p23_where_only_one_way_is_slow_the_other_clears_nothing() -> None:
    lane = LaneBench(WATCHED)
    raised(3_000, lane)
    lowered(500, lane)
    assert lane.state.alarms == ("boom_slow_raising",)
    lane.order("open")
    assert lane.state.alarms == ("boom_slow_raising",)


def test_p23_a_boom_that_was_found_up_and_is_lowered_by_a_person_is_told_too() -> None:
    lane = LaneBench(WATCHED).go(Phase.STARTING)
    lane.scan(25, **UP)
    lane.order("lower")
    stroke(lane, 3_000, **DOWN)
    assert (lane.ended, lane.alarms_raised) == ([], ["boom_slow_lowering"])


def test_p23_a_lane_that_is_not_told_what_is_slow_tells_nothing() -> None:
    lane = LaneBench()
    raised(5_950, lane)
    assert lane.alarms_raised == []


def test_p23_a_boom_that_somebody_closed_by_hand_says_nothing_about_its_drive() -> None:
    lane = LaneBench(WATCHED)
    raised(500, lane)
    lane.scan(100)
    lane.scan(**DOWN)
    assert lane.alarms_raised == ["boom_down_unasked"]
