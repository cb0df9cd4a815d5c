"""The journey of one passage and each of its ends, as far as the core decides them."""

import pytest

from edge.core.effects import (
    ConsumeAuthority,
    EndPassage,
    LowerBoom,
    PrepareRequest,
    RaiseBoom,
    Report,
    SendRequest,
    SetLight,
    StartCapture,
    StopCapture,
)
from edge.core.events import PersonDecided, Started
from edge.core.state import Phase
from edge.core.step import initial, next_deadline_ms, step
from tests.support.lane_bench import CODE, DOWN, EPC, MOVING, PLATE, PROFILE, UP, LaneBench


def test_a_released_truck_passes_and_the_lane_is_ready_again() -> None:
    lane = LaneBench()
    lane.open()
    lane.close()
    lane.fall()
    lane.scan()
    assert lane.phase is Phase.IDLE
    kinds = (StartCapture, PrepareRequest, SendRequest, ConsumeAuthority, RaiseBoom, LowerBoom, EndPassage)
    assert [type(one) for one in lane.effects if isinstance(one, kinds)] == list(kinds)
    end = lane.last(EndPassage)
    assert (end.terminal, end.decision, end.reasons) == ("PASSED", "release", ())
    stages = dict(end.stages)
    assert list(stages) == ["identified", "requested", "answered_customs", "granted", "opened", "cleared"]
    assert sorted(stages.values()) == list(stages.values())
    assert end.identity.plates[0][1].value is not None
    assert end.identity.plates[0][1].value.text == PLATE
    assert end.identity.containers.value is not None
    assert [one.code for one in end.identity.containers.value] == [CODE]
    assert end.identity.tag.value is not None
    assert end.identity.tag.value.epc == EPC


@pytest.mark.hazard("I7", "P22")
def test_the_light_is_green_only_between_the_open_boom_and_the_vehicle_below_it() -> None:
    lane = LaneBench()
    lane.open()
    assert lane.last(SetLight).light == "green"
    lane.scan(safety_loop=True)
    assert lane.last(SetLight).light == "red"
    lane.close()
    lane.fall()
    assert [one.light for one in lane.all(SetLight)] == ["green", "red"]


def test_the_passage_is_simulated_where_the_lane_is() -> None:
    from dataclasses import replace

    lane = LaneBench(replace(PROFILE, simulated=True))
    lane.hold()
    lane.scan(arrival_loop=False)
    assert lane.last(EndPassage).simulated


@pytest.mark.parametrize(
    ("phase", "decision", "terminal"),
    [
        (Phase.IDENTIFYING, None, "ABANDONED"),
        (Phase.WAITING, None, "ABANDONED"),
        (Phase.CONSUMING, "release", "ABANDONED"),
        (Phase.HELD, "hold", "ABANDONED"),
        (Phase.TURNING_BACK, "deny", "DENIED"),
    ],
)
def test_a_vehicle_that_leaves_ends_its_passage(phase: Phase, decision: str | None, terminal: str) -> None:
    lane = LaneBench().go(phase)
    lane.scan(arrival_loop=False)
    end = lane.last(EndPassage)
    assert (lane.phase, lane.ended, end.decision) == (Phase.IDLE, [terminal], decision)


def test_a_referred_vehicle_leaves_for_its_target() -> None:
    lane = LaneBench()
    lane.identify()
    lane.answer("refer", target="nii", reason="risk_profile")
    assert lane.phase is Phase.HELD
    lane.scan(arrival_loop=False)
    end = lane.last(EndPassage)
    assert (end.terminal, end.target, end.reasons) == ("REFERRED", "nii", ("risk_profile:customs", "vehicle_left"))


def test_a_referred_vehicle_that_a_person_refuses_was_turned_back_not_referred() -> None:
    lane = LaneBench()
    lane.identify()
    lane.answer("refer", target="bay")
    lane.order("refuse")
    lane.scan(arrival_loop=False)
    assert lane.ended == ["TURNED_BACK"]


def test_a_held_vehicle_that_nobody_decides_about_times_out_and_is_not_taken_up_again() -> None:
    lane = LaneBench()
    lane.hold()
    deadline = next_deadline_ms(lane.state)
    assert deadline is not None
    lane.tick(deadline - 1)
    assert lane.phase is Phase.HELD
    lane.tick(deadline)
    assert (lane.ended, lane.phase, lane.alarms_raised) == (["TIMEOUT"], Phase.LEAVING, ["lane_blocked"])
    lane.scan(20)
    assert lane.phase is Phase.LEAVING
    assert next_deadline_ms(lane.state) is None
    lane.scan(arrival_loop=False)
    assert (lane.phase, lane.state.alarms) == (Phase.IDLE, ())
    lane.arrive()
    assert lane.phase is Phase.IDENTIFYING


def test_a_denied_vehicle_that_stays_was_denied_not_timed_out() -> None:
    lane = LaneBench()
    lane.turn_back()
    lane.tick()
    assert (lane.ended, lane.phase) == (["DENIED"], Phase.LEAVING)


def test_each_passage_has_its_own_number_and_id() -> None:
    lane = LaneBench()
    for _ in range(3):
        lane.arrive()
        lane.scan(arrival_loop=False)
    assert [dict(one.fields)["number"] for one in lane.all(Report) if one.name == "passage_opened"] == [1, 2, 3]
    assert len({one.passage for one in lane.all(EndPassage)}) == 3


def test_captures_are_stopped_once_the_identity_is_concluded() -> None:
    lane = LaneBench()
    lane.identify()
    assert [one.passage for one in lane.all(StopCapture)] == [lane.passage.id]


@pytest.mark.parametrize(
    ("consumed", "reason"), [(True, "authority_was_consumed"), (False, "authority_was_not_consumed")]
)
def test_i8_a_restart_ends_the_unfinished_passage_and_moves_nothing(consumed: bool, reason: str) -> None:
    started = Started(0, "boot-2", "seed-2", passages=7, unfinished="old", unfinished_authority=consumed)
    state, effects = step(initial(PROFILE), started)
    (end,) = [one for one in effects if isinstance(one, EndPassage)]
    assert (end.passage, end.terminal, end.reasons) == ("old", "ABORTED_RESTART", (reason,))
    assert (state.phase, state.passage, state.passages) == (Phase.STARTING, None, 7)
    assert not [one for one in effects if isinstance(one, RaiseBoom | LowerBoom)]
    assert step(initial(PROFILE), started) == (state, effects), "recovery run twice gives the same"


def test_i9_a_restart_below_an_open_boom_lowers_only_after_a_new_proof() -> None:
    lane = LaneBench(proved=False)
    lane.lose_inputs(restarted=True)
    lane.scan(60, **UP)
    assert lane.phase is Phase.STARTING
    assert not lane.all(LowerBoom)
    lane.tick()
    assert lane.alarms_raised == ["boom_up_unproved", "not_ready"]
    lane.scan(safety_loop=True)
    lane.scan_until(lambda: lane.phase is Phase.CLOSING, safety_loop=False)
    lane.fall()
    lane.scan()
    assert (lane.phase, lane.state.alarms, lane.ended) == (Phase.IDLE, (), [])


def test_a_person_lowers_the_boom_that_a_restart_found_up_with_nobody_below() -> None:
    lane = LaneBench(proved=False)
    lane.lose_inputs(restarted=True)
    lane.scan(60, **UP)
    lane.order("lower")
    assert (lane.phase, lane.state.passage, len(lane.all(LowerBoom))) == (Phase.CLOSING, None, 1)


@pytest.mark.hazard("I11")
def test_a_lane_that_is_not_ready_says_so_after_the_promised_time() -> None:
    state, _ = step(initial(PROFILE), Started(0, "boot", "seed"))
    assert next_deadline_ms(state) == PROFILE.timing.ready_ms
    lane = LaneBench()
    lane.scan(safety_loop=True)
    lane.lose_inputs()
    lane.tick(lane.at_ms + 9_999)
    assert lane.alarms_raised == []
    lane.tick()
    assert lane.alarms_raised == ["not_ready"]
    lane.scan(safety_loop=False)
    assert (lane.phase, lane.state.alarms) == (Phase.IDLE, ())


def test_an_abandoned_opening_is_lowered_when_its_time_is_over() -> None:
    lane = LaneBench()
    lane.open()
    lane.scan_until(lambda: lane.at_ms >= lane.state.phase_since_ms + 120_000, limit_ms=130_000)
    assert lane.phase is Phase.OPEN
    lane.tick(lane.at_ms)
    assert lane.phase is Phase.CLOSING
    lane.fall()
    end = lane.last(EndPassage)
    assert (end.terminal, end.reasons) == ("ABANDONED", ("unused",))


@pytest.mark.hazard("I6", "P11")
def test_boom_limits_are_told_from_commands() -> None:
    lane = LaneBench()
    lane.consume()
    lane.durable()
    lane.barrier("raise", "done")
    assert lane.phase is Phase.OPENING, "a confirmed command is no position"
    lane.barrier("raise", "unknown")
    lane.scan(4, **MOVING)
    assert lane.phase is Phase.OPENING
    lane.scan(**UP)
    assert lane.phase is Phase.OPEN
    lane.close()
    lane.barrier("lower", "done")
    assert lane.phase is Phase.CLOSING
    lane.scan(**DOWN)
    assert lane.ended == ["PASSED"]


def test_x5_a_boot_after_a_damaged_journal_waits_for_a_person() -> None:
    state, effects = step(initial(PROFILE), Started(0, "boot-2", "seed-2", journal_damaged=True))
    assert (state.phase, state.alarms, state.light) == (Phase.FAULT, ("journal_damaged",), "red")
    assert not [one for one in effects if isinstance(one, RaiseBoom | LowerBoom)]
    again, _ = step(state, PersonDecided(1_000, "chen", "reset", "looked at the lane"))
    assert (again.phase, again.alarms) == (Phase.STARTING, ())
