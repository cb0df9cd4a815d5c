"""P6: what stands below the boom came over another loop before; where it did not, a loop is faulty."""

from dataclasses import replace

import pytest

from edge.core.state import Phase
from tests.support.lane_bench import MOVING, PROFILE, UP, LaneBench


def test_p6_a_vehicle_below_the_closed_boom_that_no_other_loop_saw_stops_the_lane() -> None:
    lane = LaneBench()
    lane.scan(40, safety_loop=True)
    assert lane.phase is Phase.IDLE
    lane.scan()
    assert (lane.phase, lane.alarms_raised) == (Phase.FAULT, ["loops_disagree"])
    lane.order("reset")
    lane.scan(2, safety_loop=False)
    assert (lane.phase, lane.state.alarms) == (Phase.IDLE, ())


def test_p6_a_person_who_crosses_the_loop_is_no_vehicle() -> None:
    lane = LaneBench()
    for _ in range(5):
        lane.scan(39, safety_loop=True)
        lane.scan(safety_loop=False)
    assert (lane.phase, lane.alarms_raised) == (Phase.IDLE, [])


def test_p6_inputs_that_were_lost_prove_no_order() -> None:
    lane = LaneBench()
    lane.scan(20, safety_loop=True)
    lane.lose_inputs()
    lane.scan(100)
    assert lane.alarms_raised == []


@pytest.mark.parametrize(("earlier_ms", "told"), [(60_000, False), (60_050, True)])
def test_p6_a_vehicle_may_have_waited_between_the_loops(earlier_ms: int, told: bool) -> None:
    lane = LaneBench()
    lane.arrive()
    lane.scan(arrival_loop=False)
    lane.scan(earlier_ms // 50 - 1)
    lane.scan(41, safety_loop=True)
    assert (lane.phase is Phase.FAULT) is told


@pytest.mark.parametrize("case", ["still on the exit loop", "left the exit loop", "stands on arrival", "no exit loop"])
def test_p6_who_came_over_another_loop_is_told_as_what_it_is(case: str) -> None:
    lane = LaneBench(replace(PROFILE, exit_loop=case != "no exit loop"))
    if "exit" in case and case != "no exit loop":
        lane.scan(exit_loop=True)
    if case == "left the exit loop":
        lane.scan(exit_loop=False)
    if case == "stands on arrival":
        lane.arrive()
    lane.scan(60, safety_loop=True, exit_loop=None if case == "no exit loop" else lane.inputs.exit_loop)
    assert "loops_disagree" not in lane.alarms_raised


def opened_by_hand(lane: LaneBench) -> None:
    lane.order("open")
    lane.durable()
    lane.scan(2, **MOVING)
    lane.scan(**UP)
    assert lane.phase is Phase.OPEN


def test_p6_a_vehicle_that_was_let_in_by_hand_and_never_seen_arriving_stops_the_lane_with_the_boom_down() -> None:
    lane = LaneBench()
    opened_by_hand(lane)
    lane.scan(60, safety_loop=True)
    assert (lane.phase, lane.alarms_raised) == (Phase.OPEN, ["loops_disagree"]), "the boom stays up above it"
    lane.scan(4, exit_loop=True)
    lane.scan(2, safety_loop=False)
    lane.scan_until(lambda: lane.phase is Phase.CLOSING, exit_loop=False)
    lane.fall()
    assert (lane.phase, lane.ended) == (Phase.FAULT, ["MANUAL_PASSED"])


def test_p6_a_vehicle_that_was_let_in_by_hand_over_the_arrival_loop_is_none_of_it() -> None:
    lane = LaneBench()
    opened_by_hand(lane)
    lane.scan(2, arrival_loop=True)
    lane.scan(60, safety_loop=True, arrival_loop=False)
    lane.scan(10, safety_loop=False)
    lane.scan(60, safety_loop=True)
    assert lane.alarms_raised == []


def test_p6_who_was_let_out_the_other_way_by_hand_is_none_of_it() -> None:
    lane = LaneBench()
    opened_by_hand(lane)
    lane.scan(4, exit_loop=True)
    lane.scan(60, safety_loop=True)
    lane.scan(4, exit_loop=False)
    lane.scan(2, safety_loop=False)
    lane.scan(60, safety_loop=True)
    assert lane.alarms_raised == ["tailgate"], "it reached the exit and left it: whoever follows is another"
