"""P7: an arrival loop that chatters is a fault of the lane, never a row of vehicles."""

from dataclasses import replace

import pytest

from edge.core.modes import Hours
from edge.core.observe import CHATTER_EDGES, CHATTER_WITHIN_MS
from edge.core.state import Phase
from tests.support.lane_bench import PROFILE, LaneBench


def toggle(lane: LaneBench, times: int, *, scans: int = 1) -> None:
    """Let the arrival loop change so many times, each state held for so many scans."""
    for number in range(times):
        lane.scan(scans, arrival_loop=number % 2 == 0)


@pytest.mark.parametrize("scans", [1, 2])
def test_p7_a_chattering_loop_stops_the_lane_and_says_so(scans: int) -> None:
    lane = LaneBench().go(Phase.IDLE)
    toggle(lane, 40, scans=scans)
    assert lane.phase is Phase.FAULT
    assert "arrival_loop_chatters" in lane.alarms_raised
    assert len(lane.ended) <= CHATTER_EDGES / 2
    # It stays so while it chatters, and after a reset as long as it does not stop.
    lane.order("reset")
    lane.scan(2)
    assert lane.phase is Phase.IDLE
    toggle(lane, 40, scans=scans)
    assert lane.phase is Phase.FAULT


def test_p7_a_loop_that_stopped_chattering_serves_again() -> None:
    lane = LaneBench().go(Phase.IDLE)
    toggle(lane, 40)
    lane.order("reset")
    lane.scan(40)
    lane.arrive()
    assert lane.phase is Phase.IDENTIFYING


def test_p7_vehicles_that_come_and_go_are_no_chatter() -> None:
    lane = LaneBench().go(Phase.IDLE)
    slowly = CHATTER_WITHIN_MS // (CHATTER_EDGES - 1) // 50 + 1
    toggle(lane, 40, scans=slowly)
    assert "arrival_loop_chatters" not in lane.alarms_raised
    assert set(lane.ended) == {"ABANDONED"}


DEBOUNCED = replace(PROFILE, timing=replace(PROFILE.timing, arrival_debounce_ms=100))


@pytest.mark.parametrize("hours", ["open", "closed"])
def test_p7_a_blip_is_no_vehicle(hours: Hours) -> None:
    lane = LaneBench(DEBOUNCED)
    lane.turn_hours(hours)
    lane.scan(2, arrival_loop=True)
    lane.scan(arrival_loop=False)
    lane.scan(2, arrival_loop=True)
    assert (lane.phase, lane.ended) == (Phase.IDLE, []), "two blips are not one vehicle either"
    lane.scan()
    assert lane.phase is (Phase.IDENTIFYING if hours == "open" else Phase.HELD)
    assert lane.passage.opened_at_ms == lane.at_ms


def test_p7_a_vehicle_that_leaves_is_gone_at_once_however_long_arrivals_are_watched() -> None:
    lane = LaneBench(DEBOUNCED)
    lane.scan(3, arrival_loop=True)
    lane.scan(arrival_loop=False)
    assert (lane.phase, lane.ended) == (Phase.IDLE, ["ABANDONED"])


def test_p7_inputs_that_were_lost_begin_the_watch_anew() -> None:
    lane = LaneBench(DEBOUNCED)
    lane.scan(2, arrival_loop=True)
    lane.lose_inputs()
    lane.scan(2)
    assert lane.phase is Phase.IDLE
    lane.scan()
    assert lane.phase is Phase.IDENTIFYING


def test_p7_an_unknown_loop_is_no_change_of_it() -> None:
    lane = LaneBench().go(Phase.IDLE)
    for _ in range(20):
        lane.lose_inputs()
        lane.scan()
    assert "arrival_loop_chatters" not in lane.alarms_raised
