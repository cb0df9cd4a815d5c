"""Modes of a lane: what each takes away, and what a change does to a passage that is open (domain.md (十七))."""

from dataclasses import replace

import pytest

from edge.core.effects import (
    ConsumeAuthority,
    EndPassage,
    Guide,
    PrepareRequest,
    RaiseBoom,
    Report,
    StartCapture,
)
from edge.core.events import Started
from edge.core.modes import MODES, Mode
from edge.core.state import LaneState, Phase
from edge.core.step import step
from tests.support.lane_bench import NOTE, PROFILE, LaneBench

UNDECIDED = (Phase.IDENTIFYING, Phase.WAITING, Phase.CONSUMING)
HOLDING: dict[Mode, str] = {
    "EMERGENCY_HOLD": "mode_emergency_hold",
    "EMERGENCY_EVACUATE": "mode_emergency_evacuate",
    "MAINTENANCE": "mode_maintenance",
}


def reasons(lane: LaneBench) -> tuple[str, ...]:
    return lane.passage.reasons


@pytest.mark.parametrize("mode", HOLDING)
def test_an_arrival_is_held_for_a_named_reason_and_photographed(mode: Mode) -> None:
    lane = LaneBench()
    lane.order_mode(mode)
    lane.arrive()
    assert lane.phase is Phase.HELD
    assert reasons(lane) == (HOLDING[mode],)
    assert lane.all(StartCapture)
    lane.read_plate()
    lane.read_container()
    assert not lane.all(PrepareRequest)
    lane.order("retry")
    assert lane.phase is Phase.HELD


@pytest.mark.parametrize("mode", HOLDING)
def test_a_person_still_opens(mode: Mode) -> None:
    lane = LaneBench()
    lane.order_mode(mode)
    lane.arrive()
    lane.order("open")
    lane.durable()
    assert lane.all(RaiseBoom)


@pytest.mark.parametrize("mode", MODES[1:])
@pytest.mark.parametrize("phase", UNDECIDED)
def test_a_passage_that_is_not_decided_goes_to_a_person(phase: Phase, mode: Mode) -> None:
    lane = LaneBench().go(phase)
    lane.order_mode(mode)
    assert (lane.phase, lane.state.mode) == (Phase.HELD, mode)
    assert reasons(lane)[-1] == "mode_changed"
    assert lane.passage.authority is None
    if phase is Phase.CONSUMING:
        lane.durable()
    assert not lane.all(RaiseBoom)
    lane.order("retry")
    assert lane.phase is Phase.HELD, "what began in another mode is not decided in this one"


@pytest.mark.parametrize("phase", [one for one in Phase if one not in UNDECIDED])
def test_other_phases_go_on_as_they_are(phase: Phase) -> None:
    lane = LaneBench().go(phase)
    passage = lane.state.passage
    lane.forget()
    lane.order_mode("EMERGENCY_HOLD")
    assert (lane.phase, lane.state.mode, lane.state.passage) == (phase, "EMERGENCY_HOLD", passage)
    # Whoever comes to an idle lane is told that it takes nobody any more.
    assert [type(one) for one in lane.effects] == ([Report, Guide] if phase is Phase.IDLE else [Report])


def test_the_same_mode_again_disturbs_nothing() -> None:
    lane = LaneBench().go(Phase.WAITING)
    lane.order_mode("NORMAL")
    assert lane.phase is Phase.WAITING


@pytest.mark.parametrize(("operator", "reason"), [("", "ordered"), ("chen", " ")])
def test_a_mode_needs_a_name_and_a_reason(operator: str, reason: str) -> None:
    lane = LaneBench()
    lane.order_mode("MAINTENANCE", operator, reason)
    assert lane.state.mode == "NORMAL"
    assert lane.reports == ["mode_refused"]


def test_a_mode_that_cannot_be_recorded_is_refused() -> None:
    lane = LaneBench()
    lane.lose_journal()
    lane.order_mode("MAINTENANCE")
    assert lane.state.mode == "NORMAL"


def test_the_mode_outlives_a_restart() -> None:
    state, _ = step(LaneState(PROFILE), Started(0, "boot-2", "seed-2", mode="EMERGENCY_HOLD"))
    assert state.mode == "EMERGENCY_HOLD"


# HEIGHTENED


def test_heightened_demands_all_that_the_lane_could_read() -> None:
    lane = LaneBench(replace(PROFILE, must_match=("front_plate",)))
    lane.order_mode("HEIGHTENED")
    lane.arrive()
    lane.read_plate()
    lane.read_tag()
    lane.tick()
    lane.prepare()
    lane.answer()
    assert lane.phase is Phase.HELD
    assert reasons(lane) == ("unread_containers",)


@pytest.mark.parametrize(
    ("read", "noted", "reason"),
    [(False, True, "unread_tag"), (False, False, "unread_tag"), (True, False, "not_noted_tag")],
)
def test_heightened_exempts_no_tag(read: bool, noted: bool, reason: str) -> None:
    lane = LaneBench()
    lane.order_mode("HEIGHTENED")
    lane.arrive()
    lane.read_plate()
    lane.read_container()
    if read:
        lane.read_tag()
    else:
        lane.tick()
    lane.prepare()
    lane.answer(note=NOTE if noted else replace(NOTE, tag=None))
    assert reasons(lane) == (reason,)


def test_heightened_releases_what_matches_wholly() -> None:
    lane = LaneBench()
    lane.order_mode("HEIGHTENED")
    lane.consume()


def test_heightened_demands_no_tag_where_none_could_be_read() -> None:
    lane = LaneBench(replace(PROFILE, tag_reader=None, must_match=("front_plate",)))
    lane.order_mode("HEIGHTENED")
    lane.arrive()
    lane.read_plate()
    lane.read_container()
    lane.prepare()
    lane.answer(note=replace(NOTE, tag=None))
    assert lane.phase is Phase.CONSUMING


# DRILL


def test_a_drill_is_marked_everywhere_and_moves_no_boom() -> None:
    lane = LaneBench()
    lane.order_mode("DRILL")
    lane.identify()
    lane.answer(drill=True)
    assert lane.phase is Phase.HELD
    assert reasons(lane) == ("drill_would_release",)
    assert not lane.all(ConsumeAuthority)
    lane.order("open")
    assert lane.phase is Phase.HELD
    assert lane.reports[-1] == "order_refused"
    lane.scan(arrival_loop=False)
    assert lane.last(EndPassage).drill
    assert all(dict(one.fields)["drill"] is True for one in lane.all(Report))


def test_a_drill_moves_the_boom_where_the_lane_is_configured_so() -> None:
    lane = LaneBench(replace(PROFILE, drill_moves_boom=True))
    lane.order_mode("DRILL")
    lane.identify()
    lane.answer(drill=True)
    lane.durable()
    assert lane.all(RaiseBoom)
    assert lane.passage.drill


@pytest.mark.parametrize(("mode", "drill"), [("DRILL", False), ("NORMAL", True)])
def test_grants_of_a_drill_and_of_the_world_never_meet(mode: Mode, drill: bool) -> None:
    lane = LaneBench()
    lane.order_mode(mode)
    lane.identify()
    lane.answer(drill=drill)
    assert lane.phase is Phase.WAITING
    assert lane.ignored == ["drill_for_real" if drill else "real_for_drill"]


@pytest.mark.parametrize("phase", [*UNDECIDED, Phase.HELD, Phase.TURNING_BACK])
def test_the_end_of_a_drill_ends_its_passage(phase: Phase) -> None:
    lane = LaneBench(replace(PROFILE, drill_moves_boom=True))
    lane.order_mode("DRILL")
    lane.identify()
    verdict = {Phase.CONSUMING: "release", Phase.HELD: "hold", Phase.TURNING_BACK: "deny"}.get(phase)
    if verdict:
        lane.answer(verdict, drill=True)
    if phase is Phase.IDENTIFYING:
        lane.answer("hold", drill=True)
        lane.order("retry")
    assert lane.phase is phase
    lane.order_mode("NORMAL")
    assert lane.phase is Phase.LEAVING
    assert lane.last(EndPassage).drill
    assert lane.last(EndPassage).reasons[-1] == "drill_ended"
    if phase is Phase.CONSUMING:
        lane.durable()
    lane.order("open")
    lane.durable()
    assert len(lane.all(RaiseBoom)) == 1
    assert not lane.passage.drill, "what is opened now is real"


def test_what_stood_there_before_the_drill_is_opened_by_hand() -> None:
    lane = LaneBench().go(Phase.HELD)
    lane.order_mode("DRILL")
    lane.order("open")
    lane.durable()
    assert lane.all(RaiseBoom)


def test_nobody_opens_an_idle_lane_in_a_drill() -> None:
    lane = LaneBench()
    lane.order_mode("DRILL")
    lane.order("open")
    assert lane.phase is Phase.IDLE


def test_a_drill_that_a_restart_cut_off_stays_a_drill() -> None:
    event = Started(0, "boot-2", "seed-2", 1, "left-open", mode="DRILL", unfinished_drill=True)
    _, effects = step(LaneState(PROFILE), event)
    assert [one.drill for one in effects if isinstance(one, EndPassage)] == [True]
