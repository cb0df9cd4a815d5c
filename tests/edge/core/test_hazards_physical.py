"""Stories named after the rows of hazards.md: what goes wrong at the boom and below it."""

import pytest

from edge.core.effects import (
    EndPassage,
    LowerBoom,
    RaiseBoom,
    Report,
    SetLight,
    StopBoom,
)
from edge.core.state import Phase
from edge.core.step import next_deadline_ms
from tests.support.lane_bench import DOWN, MOVING, UP, LaneBench

BARRED = (Phase.IDLE, Phase.IDENTIFYING, Phase.WAITING, Phase.HELD, Phase.CONSUMING, Phase.TURNING_BACK, Phase.LEAVING)
MOVED = (Phase.OPENING, Phase.OPEN, Phase.CLOSING)


@pytest.mark.parametrize("delay_ms", range(0, 1_500, 50))
def test_p1_no_lowering_before_a_second_of_clear(delay_ms: int) -> None:
    """The loop is occupied again at every scan around the decision: the proof starts anew each time."""
    lane = LaneBench()
    lane.open()
    lane.drive_through()
    cleared_ms = lane.at_ms - 2 * 50
    lane.scan((delay_ms + 50) // 50)
    lane.scan(safety_beam=True)
    lane.scan_until(lambda: len(lane.all(LowerBoom)) > (delay_ms > 900), safety_beam=False)
    for lowered in lane.all(LowerBoom):
        assert lowered.clear_for_ms >= 1_000
        assert lowered.sample_age_ms <= 200
    assert lane.at_ms >= cleared_ms + 1_000


def test_p1_old_samples_prove_nothing() -> None:
    lane = LaneBench()
    lane.open()
    lane.drive_through()
    lane.scan(17)
    lane.at_ms += 201 - 50
    lane.scan()
    assert lane.phase is Phase.OPEN
    lane.scan(19)
    assert not lane.all(LowerBoom)
    lane.scan()
    assert lane.phase is Phase.CLOSING


def test_p1_an_unused_opening_is_not_lowered_on_an_old_sample() -> None:
    lane = LaneBench()
    lane.open()
    lane.tick(lane.at_ms + 120_000)
    assert (lane.phase, lane.last(SetLight).light, lane.alarms_raised) == (Phase.OPEN, "red", ["vehicle_stopped"])


@pytest.mark.parametrize("signal", ["safety_loop", "safety_beam"])
@pytest.mark.parametrize("value", [True, None])
def test_p2_i5_lowering_is_withdrawn_within_the_scan(signal: str, value: bool | None) -> None:
    lane = LaneBench()
    lane.open()
    lane.close()
    lane.scan(**MOVING)
    assert StopBoom("under_boom") in lane.scan(**{signal: value})
    assert lane.phase is Phase.OPEN
    lane.forget()
    lane.scan(20, **{signal: False}, **UP)
    assert not lane.all(LowerBoom), "a new proof takes a whole second again"
    lane.scan()
    assert lane.all(LowerBoom)


def test_p2_blind_while_closing_withdraws() -> None:
    lane = LaneBench().go(Phase.CLOSING)
    assert StopBoom("inputs_not_known") in lane.lose_inputs()
    assert lane.phase is Phase.OPEN


def test_p2_scans_that_stop_while_closing_withdraw_without_waiting_for_the_device_to_be_lost() -> None:
    lane = LaneBench().go(Phase.CLOSING)
    assert next_deadline_ms(lane.state) == lane.at_ms + 201
    assert lane.tick(lane.at_ms + 200) == ()
    assert lane.tick() == (StopBoom("inputs_not_known"),)


def test_p2_a_lowering_that_was_not_confirmed_is_withdrawn_and_said() -> None:
    lane = LaneBench().go(Phase.CLOSING)
    assert StopBoom("lowering_not_confirmed") in lane.barrier("lower", "unknown")
    assert "barrier_refused" in lane.alarms_raised
    lane.scan_until(lambda: lane.phase is Phase.CLOSING)
    lane.fall()
    lane.scan()
    assert (lane.ended, lane.state.alarms) == (["PASSED"], ())


def test_p3_a_second_vehicle_below_the_closing_boom_blocks_the_lane() -> None:
    lane = LaneBench().go(Phase.CLOSING)
    lane.scan(arrival_loop=True, **MOVING)
    lane.scan(5, safety_loop=True)
    lane.scan(safety_loop=False, arrival_loop=False, exit_loop=True, **UP)
    lane.scan_until(lambda: lane.phase is Phase.CLOSING, exit_loop=False)
    lane.fall()
    end = lane.last(EndPassage)
    assert (lane.phase, end.terminal, end.reasons, lane.alarms_raised) == (
        Phase.FAULT, "PASSED", ("tailgated",), ["tailgate"],
    )  # fmt: skip
    lane.arrive()
    assert lane.phase is Phase.FAULT, "the next is not served before a person looked"


def test_p3_a_second_vehicle_that_is_first_seen_when_the_boom_is_down_is_told_as_well() -> None:
    lane = LaneBench().go(Phase.CLOSING)
    lane.scan(safety_loop=True, **DOWN)
    assert (lane.phase, lane.ended, lane.alarms_raised) == (Phase.FAULT, ["PASSED"], ["tailgate"])


@pytest.mark.parametrize("gap_scans", [1, 4, 10, 19])
def test_p3_a_second_vehicle_close_behind_the_first_is_seen_before_the_boom_moves(gap_scans: int) -> None:
    lane = LaneBench()
    lane.open()
    lane.drive_through()
    lane.scan(gap_scans)
    lane.scan(safety_loop=True)
    assert lane.alarms_raised == ["tailgate"]
    assert lane.phase is Phase.OPEN


@pytest.mark.parametrize("gaps", [1, 3])
def test_p4_a_trailer_gap_neither_closes_nor_counts_as_a_second_vehicle(gaps: int) -> None:
    lane = LaneBench()
    lane.open()
    lane.scan(4, safety_loop=True)
    for _ in range(gaps):
        lane.scan(10, safety_loop=False, exit_loop=True)
        lane.scan(4, safety_loop=True)
    lane.scan(4, arrival_loop=False, exit_loop=True, safety_loop=False)
    lane.scan_until(lambda: lane.phase is Phase.CLOSING, exit_loop=False)
    assert lane.alarms_raised == []


def test_p5_a_loop_stuck_on_never_closes_and_says_so() -> None:
    lane = LaneBench()
    lane.open()
    lane.scan(4, safety_loop=True, exit_loop=True)
    lane.scan(200, arrival_loop=False, exit_loop=False)
    lane.tick(lane.at_ms + 120_000)
    assert (lane.all(LowerBoom), lane.alarms_raised) == ([], ["vehicle_stopped"])


def test_p6_an_exit_that_was_never_seen_is_no_passage() -> None:
    lane = LaneBench()
    lane.open()
    lane.scan(4, safety_loop=True)
    lane.scan(60, safety_loop=False, arrival_loop=False)
    assert lane.phase is Phase.OPEN
    lane.order("lower")
    assert lane.phase is Phase.CLOSING
    lane.fall()
    end = lane.last(EndPassage)
    assert (end.terminal, end.reasons) == ("FAULT", ("exit_not_seen",))


def test_p8_a_detector_that_was_powered_anew_proves_nothing_until_it_saw_a_vehicle() -> None:
    lane = LaneBench()
    lane.open()
    lane.scan(4, safety_loop=True)
    lane.lose_inputs(restarted=True)
    lane.scan(safety_loop=False, exit_loop=True, arrival_loop=False)
    lane.scan(60)
    assert lane.phase is Phase.OPEN
    lane.scan(safety_loop=True)
    lane.scan_until(lambda: lane.phase is Phase.CLOSING, safety_loop=False)


def test_p8_a_person_at_the_lane_may_confirm_instead() -> None:
    lane = LaneBench(proved=False)
    lane.open()
    lane.scan(arrival_loop=False)
    lane.scan(60)
    assert lane.phase is Phase.OPEN
    lane.order("lower")
    assert lane.phase is Phase.CLOSING
    assert [one.fields[0] for one in lane.all(Report) if one.name == "lowered_by_person"] == [("operator", "chen")]


def test_p8_a_person_cannot_lower_onto_something() -> None:
    lane = LaneBench()
    lane.open()
    lane.scan(safety_loop=True)
    lane.order("lower")
    assert (lane.phase, lane.all(LowerBoom)) == (Phase.OPEN, [])


def test_p9_a_boom_that_does_not_rise_stops_the_lane_and_spends_the_grant() -> None:
    lane = LaneBench().go(Phase.OPENING)
    lane.tick()
    assert (lane.phase, lane.ended, lane.last(EndPassage).reasons) == (Phase.FAULT, ["FAULT"], ("boom_stuck_down",))
    assert len(lane.all(RaiseBoom)) == 1
    assert lane.last(StopBoom).reason == "boom_stuck_down"


def test_p9_a_raise_that_was_refused_is_held_for_a_person_and_not_repeated() -> None:
    lane = LaneBench().go(Phase.OPENING)
    lane.barrier("lower", "not_done")
    assert lane.phase is Phase.OPENING
    lane.barrier("raise", "not_done")
    assert (lane.phase, lane.passage.authority, lane.alarms_raised) == (Phase.HELD, None, ["barrier_refused"])
    lane.durable()
    assert len(lane.all(RaiseBoom)) == 1
    lane.order("open")
    lane.durable()
    assert len(lane.all(RaiseBoom)) == 2


def test_p10_a_boom_that_does_not_fall_stops_the_lane() -> None:
    lane = LaneBench().go(Phase.CLOSING)
    lane.scan_until(lambda: lane.at_ms >= lane.state.phase_since_ms + 8_000)
    lane.tick(lane.at_ms)
    assert (lane.phase, lane.alarms_raised) == (Phase.FAULT, ["boom_stuck_up"])


@pytest.mark.parametrize("phase", [*BARRED, *MOVED, Phase.STARTING])
@pytest.mark.parametrize(
    ("signals", "alarm"),
    [
        ({"boom_up": True, "boom_down": True}, "limits_disagree"),
        ({"boom_broken": True}, "boom_broken"),
        ({"emergency_stop": True}, "emergency"),
        ({"fire_alarm": True}, "emergency"),
    ],
)
def test_p11_p12_p20_p21_stop_the_lane_in_every_phase(phase: Phase, signals: dict[str, bool], alarm: str) -> None:
    lane = LaneBench().go(phase)
    had_passage = lane.state.passage is not None
    lane.forget()
    effects = lane.scan(**signals)
    assert effects[0] == StopBoom(alarm)
    assert (lane.phase, lane.state.light, lane.alarms_raised) == (Phase.FAULT, "red", [alarm])
    assert lane.ended == (["FAULT"] if had_passage else [])


@pytest.mark.parametrize("phase", BARRED)
@pytest.mark.parametrize("position", [UP, MOVING])
def test_p14_a_boom_that_moves_unasked_stops_the_lane(phase: Phase, position: dict[str, bool]) -> None:
    lane = LaneBench().go(phase)
    lane.forget()
    lane.scan(**position)
    assert (lane.phase, lane.alarms_raised) == (Phase.FAULT, ["uncommanded_open"])


def test_p13_an_open_boom_that_somebody_closes_ends_the_passage() -> None:
    lane = LaneBench()
    lane.open()
    lane.scan(**DOWN)
    assert (lane.phase, lane.ended, lane.state.light) == (Phase.STARTING, ["ABANDONED"], "red")
    assert lane.alarms_raised == ["boom_down_unasked"]
    lane.scan(arrival_loop=False)
    assert (lane.phase, lane.state.alarms) == (Phase.IDLE, ())


def test_p13_a_boom_that_came_down_although_its_lowering_was_withdrawn_ends_the_passage() -> None:
    lane = LaneBench().go(Phase.CLOSING)
    lane.scan(2, **MOVING)
    lane.lose_inputs()
    lane.scan(**DOWN)
    assert (lane.phase, lane.ended) == (Phase.STARTING, ["PASSED"])


def test_p17_a_vehicle_that_backs_out_after_its_release_leaves_an_abandoned_passage() -> None:
    lane = LaneBench()
    lane.open()
    lane.scan(arrival_loop=False)
    assert (lane.phase, lane.state.light) == (Phase.OPEN, "red")
    lane.scan(19)
    assert lane.phase is Phase.OPEN, "it may be between the loops"
    lane.scan()
    assert lane.phase is Phase.CLOSING
    lane.fall()
    assert (lane.ended, lane.last(EndPassage).reasons) == (["ABANDONED"], ("backed_out",))


def test_p17_a_vehicle_that_backs_out_while_the_boom_rises_gets_no_green() -> None:
    lane = LaneBench().go(Phase.OPENING)
    lane.scan(arrival_loop=False, **MOVING)
    lane.scan(**UP)
    assert lane.phase is Phase.OPEN
    assert lane.all(SetLight) == []


def test_p18_a_vehicle_that_stops_half_way_keeps_the_boom_up() -> None:
    lane = LaneBench()
    lane.open()
    lane.scan(safety_loop=True)
    for _ in range(5):
        lane.scan(100)
        lane.tick(lane.at_ms + 600_000)
    assert (lane.phase, lane.all(LowerBoom), lane.alarms_raised) == (Phase.OPEN, [], ["vehicle_stopped"])


def test_p19_another_vehicle_in_place_of_the_released_one_is_no_passage() -> None:
    lane = LaneBench()
    lane.open()
    lane.scan(arrival_loop=False)
    lane.scan(arrival_loop=True)
    assert lane.state.light == "red"
    lane.drive_through()
    assert lane.alarms_raised == ["vehicle_swapped"]
    lane.scan_until(lambda: lane.phase is Phase.CLOSING)
    lane.fall()
    assert (lane.phase, lane.ended) == (Phase.FAULT, ["FAULT"])
    assert lane.last(EndPassage).reasons == ("vehicle_swapped",)


def test_p19_a_swap_while_the_authority_is_made_durable_opens_nothing() -> None:
    lane = LaneBench()
    lane.consume()
    lane.scan(arrival_loop=False)
    lane.scan(arrival_loop=True)
    lane.durable()
    assert (lane.all(RaiseBoom), lane.ended, lane.phase) == ([], ["ABANDONED"], Phase.IDENTIFYING)


def test_p24_a_vehicle_from_the_exit_is_told_and_opens_nothing() -> None:
    lane = LaneBench()
    lane.scan(exit_loop=True)
    assert (lane.phase, lane.alarms_raised) == (Phase.IDLE, ["wrong_way"])
