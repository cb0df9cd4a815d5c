"""Stories named after the rows of hazards.md: the journal, the inputs or the proof is gone."""

from dataclasses import replace

import pytest

from edge.core.effects import (
    ADDS_AUTHORITY,
    ConsumeAuthority,
    Guide,
    RaiseBoom,
    SetLight,
)
from edge.core.events import Started
from edge.core.state import Phase
from edge.core.step import next_deadline_ms
from tests.support.lane_bench import MOVING, PROFILE, UP, LaneBench

BARRED = (Phase.IDLE, Phase.IDENTIFYING, Phase.WAITING, Phase.HELD, Phase.CONSUMING, Phase.TURNING_BACK, Phase.LEAVING)
MOVED = (Phase.OPENING, Phase.OPEN, Phase.CLOSING)


@pytest.mark.parametrize("phase", [*BARRED, Phase.STARTING])
def test_x3_without_a_journal_a_barred_lane_stops_and_no_order_opens_it(phase: Phase) -> None:
    lane = LaneBench().go(phase)
    had_passage = lane.state.passage is not None
    lane.forget()
    lane.lose_journal()
    assert (lane.phase, lane.ended) == (Phase.FAULT, ["FAULT"] if had_passage else [])
    for action in ("open", "reset", "retry", "refuse", "lower"):
        lane.order(action)
    lane.scan(5)
    assert lane.phase is Phase.FAULT
    assert [one for one in lane.effects if isinstance(one, (*ADDS_AUTHORITY, RaiseBoom))] == []


@pytest.mark.parametrize("phase", MOVED)
def test_x3_without_a_journal_a_moving_boom_is_brought_down_and_the_lane_stops(phase: Phase) -> None:
    lane = LaneBench().go(phase)
    lane.lose_journal()
    assert lane.phase is phase
    if phase is Phase.OPENING:
        lane.scan(**UP)
    if phase is not Phase.CLOSING:
        lane.close()
    lane.fall()
    assert (lane.phase, lane.ended) == (Phase.FAULT, ["PASSED"])


@pytest.mark.parametrize(
    ("phase", "after"),
    [
        (Phase.IDLE, Phase.STARTING),
        (Phase.IDENTIFYING, Phase.HELD),
        (Phase.WAITING, Phase.HELD),
        (Phase.CONSUMING, Phase.HELD),
        (Phase.HELD, Phase.HELD),
        (Phase.TURNING_BACK, Phase.TURNING_BACK),
        (Phase.OPENING, Phase.OPENING),
        (Phase.OPEN, Phase.OPEN),
        (Phase.CLOSING, Phase.OPEN),
        (Phase.LEAVING, Phase.STARTING),
        (Phase.STARTING, Phase.STARTING),
        (Phase.FAULT, Phase.FAULT),
    ],
)
def test_p15_a_blind_lane_asks_for_no_motion_and_shows_red(phase: Phase, after: Phase) -> None:
    lane = LaneBench().go(phase)
    durable = lane.all(ConsumeAuthority)
    raised = len(lane.all(RaiseBoom))
    lane.lose_inputs()
    assert (lane.phase, lane.state.light) == (after, "red")
    if durable:
        lane.durable()
    assert len(lane.all(RaiseBoom)) == raised


def test_p15_a_lane_that_was_blind_while_open_does_not_become_green_again() -> None:
    lane = LaneBench()
    lane.open()
    lane.lose_inputs()
    lane.scan(5)
    assert [one.light for one in lane.all(SetLight)] == ["green", "red"]


def test_i7_green_ends_with_the_last_scan_that_can_be_trusted_and_returns_with_the_next() -> None:
    lane = LaneBench()
    lane.open()
    assert next_deadline_ms(lane.state) == lane.at_ms + 201
    assert lane.tick() == (SetLight("red"), Guide("one_at_a_time"))
    assert lane.scan() == (SetLight("green"), Guide("released"))


def test_i7_a_boom_that_leaves_its_upper_limit_is_not_green() -> None:
    lane = LaneBench()
    lane.open()
    assert lane.scan(**MOVING) == (SetLight("red"), Guide("one_at_a_time"))


def test_i9_i10_a_second_start_stops_the_lane_in_every_phase() -> None:
    for phase in Phase:
        lane = LaneBench().go(phase)
        lane.take(Started(lane.at_ms, "boot-2", "seed-2"))
        assert (lane.phase, lane.state.light) == (Phase.FAULT, "red"), phase


def test_i11_a_journal_that_never_answers_does_not_wedge_the_lane() -> None:
    lane = LaneBench()
    lane.consume()
    due_ms = next_deadline_ms(lane.state)
    assert due_ms == lane.last(ConsumeAuthority).deadline_ms + 1
    lane.tick(due_ms - 1)
    assert lane.phase is Phase.CONSUMING
    lane.tick(due_ms)
    assert (lane.phase, lane.passage.reasons) == (Phase.HELD, ("not_proved_before_raise",))


def test_i11_a_lane_that_asks_nobody_holds_every_vehicle_for_a_person() -> None:
    lane = LaneBench(replace(PROFILE, authorities=()))
    lane.arrive()
    lane.tick()
    assert lane.phase is Phase.WAITING
    lane.tick()
    assert (lane.phase, lane.passage.reasons) == (Phase.HELD, ("nobody_released",))


@pytest.mark.parametrize(
    "signals",
    [{"boom_down": None}, {"emergency_stop": None}, {"fire_alarm": None}, {"arrival_loop": None}],
)
def test_i1_inputs_are_proved_again_before_the_raise(signals: dict[str, None]) -> None:
    lane = LaneBench()
    lane.consume()
    lane.scan(**signals)
    lane.durable()
    assert (lane.phase, lane.all(RaiseBoom), lane.passage.authority) == (Phase.HELD, [], None)


def test_i1_an_old_scan_is_no_proof() -> None:
    lane = LaneBench()
    lane.consume()
    lane.durable(at_ms=lane.at_ms + 201)
    assert (lane.phase, lane.all(RaiseBoom)) == (Phase.HELD, [])
