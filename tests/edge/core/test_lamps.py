"""P22: lamps that show something else than what is asked for hold every vehicle for a person."""

import pytest

from edge.core.effects import ClearAlarm, ConsumeAuthority, RaiseAlarm, RaiseBoom
from edge.core.state import Phase
from tests.support.lane_bench import MOVING, UP, LaneBench
from tests.support.offline import OfflineBench

RED = {"red_lamp_on": True, "green_lamp_on": False}
GREEN = {"red_lamp_on": False, "green_lamp_on": True}


def lit(**lamps: bool | None) -> LaneBench:
    """An idle lane that is asked to be red, and whose lamps have shown this for long."""
    lane = LaneBench()
    lane.scan(42, **lamps)
    return lane


@pytest.mark.parametrize(
    "lamps",
    [
        {"red_lamp_on": False, "green_lamp_on": False},
        {"red_lamp_on": True, "green_lamp_on": True},
        {"red_lamp_on": False},
        {"green_lamp_on": True},
        GREEN,
    ],
)
def test_p22_wrong_lamps_hold_a_vehicle_that_every_authority_releases(lamps: dict[str, bool]) -> None:
    lane = lit(**lamps)
    assert lane.alarms_raised == ["lamp_fault"]
    assert lane.last(RaiseAlarm).detail.startswith("red is asked for, lit: ")
    lane.identify()
    lane.answer("release")
    assert (lane.phase, lane.passage.reasons) == (Phase.HELD, ("lamp_fault",))
    assert lane.all(ConsumeAuthority) == []
    lane.order("open")
    lane.durable()
    assert len(lane.all(RaiseBoom)) == 1, "a person may"


@pytest.mark.parametrize("lamps", [{}, RED, {"red_lamp_on": True}, {"green_lamp_on": False}])
def test_p22_lamps_that_agree_or_are_not_fed_back_hold_nobody(lamps: dict[str, bool]) -> None:
    lane = lit(**lamps)
    lane.consume()
    assert lane.alarms_raised == []


def test_p22_a_lamp_that_fails_while_the_authority_is_made_durable_keeps_the_boom_down() -> None:
    lane = lit(**RED)
    lane.consume()
    lane.scan(40, red_lamp_on=False)
    assert lane.alarms_raised == []
    lane.scan()
    lane.durable()
    assert (lane.phase, lane.all(RaiseBoom), lane.alarms_raised) == (Phase.HELD, [], ["lamp_fault"])


def test_p22_a_lamp_needs_a_moment() -> None:
    lane = lit(**RED)
    lane.consume()
    lane.durable()
    lane.scan(30, **MOVING)
    lane.scan(41, **UP)
    assert (lane.state.light, lane.alarms_raised) == ("green", [])
    lane.scan()
    assert lane.last(RaiseAlarm).detail == "green is asked for, lit: red"


def test_p22_a_lamp_that_could_not_be_seen_for_a_while_is_watched_anew() -> None:
    lane = lit(**RED)
    lane.scan(40, red_lamp_on=False)
    lane.lose_inputs()
    lane.scan(40)
    assert lane.alarms_raised == []
    lane.scan()
    assert lane.alarms_raised == ["lamp_fault"]


def test_p22_a_dead_green_lamp_is_not_mended_by_red() -> None:
    lane = lit(**RED)
    lane.consume()
    lane.durable()
    lane.scan(2, **MOVING)
    lane.scan(45, **UP, red_lamp_on=False)
    lane.scan(4, safety_loop=True, **RED)
    assert lane.state.alarms == ("lamp_fault",), "red is asked for now, and shines"
    lane.scan(4, arrival_loop=False, exit_loop=True)
    lane.scan(2, safety_loop=False, exit_loop=False)
    lane.scan_until(lambda: lane.phase is Phase.CLOSING)
    lane.fall()
    lane.scan()
    lane.forget()
    lane.hold()
    lane.order("open")
    lane.durable()
    lane.scan(2, **MOVING)
    lane.scan(2, **UP, **GREEN)
    assert [one.code for one in lane.all(ClearAlarm)] == ["lamp_fault"], "green is asked for, and shines"


def test_p22_both_lights_have_to_be_right_again() -> None:
    lane = lit(red_lamp_on=True, green_lamp_on=True)
    lane.hold()
    lane.order("open")
    lane.durable()
    lane.scan(2, **MOVING)
    lane.scan(45, **UP)
    assert lane.state.lamps_wrong_at == ("red", "green")
    lane.scan(2, **GREEN)
    assert lane.state.alarms == ("lamp_fault",)
    lane.scan(2, safety_loop=True, **RED)
    assert lane.state.alarms == ()


def test_p22_a_reset_begins_anew_and_tells_it_again() -> None:
    lane = lit(red_lamp_on=False)
    lane.fault()
    lane.order("reset")
    assert lane.state.alarms == ()
    lane.scan(2)
    assert lane.state.alarms == ("lamp_fault",)


def test_p22_no_list_lets_a_vehicle_pass_while_the_lamps_are_wrong() -> None:
    lane = OfflineBench()
    lane.scan(42, red_lamp_on=False)
    lane.wait_in_vain()
    assert lane.why == "lamp_fault"
