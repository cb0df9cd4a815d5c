"""EMERGENCY_EVACUATE: an out lane opens once on the word of named persons and stays up until it is ended."""

from dataclasses import replace

import pytest

from edge.core.effects import ConsumeAuthority, EndPassage, LowerBoom, RaiseBoom
from edge.core.events import Started
from edge.core.state import LaneState, Phase
from tests.support.lane_bench import MOVING, PROFILE, UP, LaneBench

OUT = replace(PROFILE, direction="out")


def evacuating(phase: Phase = Phase.IDLE) -> LaneBench:
    lane = LaneBench(OUT).go(phase)
    lane.forget()
    lane.order_mode("EMERGENCY_EVACUATE")
    return lane


def opened() -> LaneBench:
    lane = evacuating()
    lane.durable()
    lane.scan(2, **MOVING)
    lane.scan(**UP)
    assert lane.phase is Phase.OPEN
    return lane


def let_through(lane: LaneBench) -> None:
    lane.scan(2, arrival_loop=True)
    lane.scan(2, safety_loop=True)
    lane.scan(2, exit_loop=True, arrival_loop=False)
    lane.scan(2, safety_loop=False)
    lane.scan(2, exit_loop=False)


@pytest.mark.parametrize(
    "phase", [Phase.IDLE, Phase.LEAVING, Phase.IDENTIFYING, Phase.WAITING, Phase.HELD, Phase.TURNING_BACK]
)
def test_an_out_lane_opens_once_its_authority_is_durable(phase: Phase) -> None:
    lane = evacuating(phase)
    assert lane.phase is Phase.CONSUMING
    assert not lane.all(RaiseBoom)
    assert (lane.last(ConsumeAuthority).source, lane.last(ConsumeAuthority).operator) == ("person", "chen")
    lane.durable()
    assert lane.phase is Phase.OPENING
    assert len(lane.all(RaiseBoom)) == 1


def test_whoever_stands_at_the_exit_alone_did_not_come_through() -> None:
    lane = opened()
    lane.scan(2, exit_loop=True)
    lane.scan(2, exit_loop=False)
    assert (lane.passage.entered, lane.passage.reached_exit, lane.passage.evacuated) == (False, False, 0)
    let_through(lane)
    assert (lane.passage.entered, lane.passage.reached_exit, lane.passage.evacuated) == (True, True, 1)


def test_the_boom_stays_up_and_green_for_all_who_leave() -> None:
    lane = opened()
    for _ in range(3):
        let_through(lane)
        assert lane.state.light == "green"
    lane.scan(3000)
    lane.tick()
    assert lane.phase is Phase.OPEN
    assert lane.passage.evacuated == 3
    assert not lane.all(LowerBoom)
    assert not lane.alarms_raised
    assert lane.reports.count("vehicle_evacuated") == 3


def test_the_boom_comes_down_when_it_is_over_and_the_space_is_proved_clear() -> None:
    lane = opened()
    let_through(lane)
    lane.scan(2, safety_loop=True)
    lane.order_mode("NORMAL")
    lane.scan(200)
    assert (lane.phase, lane.state.light) == (Phase.OPEN, "red")
    lane.scan(5, safety_loop=False)
    assert not lane.all(LowerBoom)
    lane.scan_until(lambda: lane.phase is Phase.CLOSING)
    assert lane.last(LowerBoom).clear_for_ms >= 1_000
    lane.scan(safety_loop=True)
    assert lane.phase is Phase.OPEN
    lane.scan_until(lambda: lane.phase is Phase.CLOSING, safety_loop=False)
    lane.fall()
    assert lane.last(EndPassage).terminal == "MANUAL_PASSED"
    assert "evacuation" in lane.last(EndPassage).reasons
    assert "tailgate" not in lane.alarms_raised


def test_nobody_lowers_it_before() -> None:
    lane = opened()
    lane.scan(40)
    lane.order("lower")
    assert lane.phase is Phase.OPEN
    assert not lane.all(LowerBoom)


def test_blind_it_stays_up_and_turns_red() -> None:
    lane = opened()
    lane.tick()
    assert (lane.phase, lane.state.light) == (Phase.OPEN, "red")
    lane.tick(lane.at_ms + 500_000)
    assert lane.phase is Phase.OPEN
    lane.scan()
    assert lane.state.light == "green"
    lane.lose_inputs()
    lane.scan()
    assert lane.state.light == "green", "the boom is measured up, and it is open for all"


@pytest.mark.parametrize("phase", [Phase.OPENING, Phase.OPEN])
def test_a_boom_that_is_up_already_stays_up(phase: Phase) -> None:
    lane = evacuating(phase)
    assert lane.phase is phase
    assert lane.passage.evacuated is None, "not before it is durable"
    lane.durable()
    assert lane.passage.evacuated == 0
    assert not lane.all(RaiseBoom)


@pytest.mark.parametrize("why", ["late", "other", "mode", "journal"])
def test_only_its_own_live_authority_keeps_the_boom_up(why: str) -> None:
    lane = evacuating(Phase.OPEN)
    consumed = lane.last(ConsumeAuthority)
    if why == "mode":
        lane.order_mode("NORMAL")
    if why == "journal":
        lane.lose_journal()
    if why == "other":
        consumed = replace(consumed, nonces=("other",))
    lane.durable(consumed, at_ms=consumed.deadline_ms + 1 if why == "late" else None)
    assert lane.passage.evacuated is None


def test_an_opening_of_one_vehicle_is_no_evacuation() -> None:
    lane = LaneBench(OUT).go(Phase.OPEN)
    lane.durable()
    assert lane.passage.evacuated is None


def test_ordered_again_while_it_goes_on_it_spends_nothing() -> None:
    lane = opened()
    lane.order_mode("EMERGENCY_EVACUATE")
    assert len(lane.all(ConsumeAuthority)) == 1


def test_an_in_lane_holds_instead() -> None:
    lane = LaneBench()
    lane.order_mode("EMERGENCY_EVACUATE")
    assert lane.phase is Phase.IDLE
    assert not lane.all(ConsumeAuthority)


def test_it_ends_the_passage_of_a_drill() -> None:
    lane = LaneBench(OUT)
    lane.order_mode("DRILL")
    lane.identify()
    lane.order_mode("EMERGENCY_EVACUATE")
    assert lane.last(EndPassage).drill
    lane.durable()
    assert lane.phase is Phase.OPENING
    assert not lane.passage.drill


def test_a_restart_leaves_the_boom_up_and_opens_nothing() -> None:
    lane = LaneBench(OUT)
    lane.state = LaneState(OUT)
    lane.take(Started(lane.at_ms, "boot-2", "seed-2", mode="EMERGENCY_EVACUATE"))
    lane.forget()
    lane.scan(safety_loop=True, **UP)
    lane.scan(100, safety_loop=False)
    lane.order("lower")
    assert lane.phase is Phase.STARTING
    assert not lane.all(LowerBoom)
    lane.order_mode("NORMAL")
    lane.scan()
    assert lane.phase is Phase.CLOSING
    assert not lane.all(RaiseBoom)


def test_a_raise_that_is_not_proved_is_no_evacuation_any_more() -> None:
    lane = evacuating()
    lane.scan(emergency_stop=None)
    lane.durable()
    assert lane.phase is Phase.HELD
    lane.scan(emergency_stop=False)
    lane.order("open")
    lane.durable()
    lane.scan(**UP)
    assert lane.passage.evacuated is None


@pytest.mark.parametrize("phase", [Phase.IDLE, Phase.WAITING])
def test_an_evacuation_that_is_called_off_in_time_opens_nothing(phase: Phase) -> None:
    lane = evacuating(phase)
    lane.order_mode("NORMAL")
    lane.durable()
    assert lane.phase is Phase.HELD
    assert not lane.all(RaiseBoom)
