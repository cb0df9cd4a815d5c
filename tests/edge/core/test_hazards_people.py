"""Stories named after the rows of hazards.md: what people order, and may not."""

import pytest

from edge.core.effects import (
    ConsumeAuthority,
    PrepareRequest,
    RaiseBoom,
    Report,
    StartCapture,
    StopCapture,
)
from edge.core.events import GrantReceived
from edge.core.state import Phase
from tests.support.lane_bench import MOVING, PLATE, UP, LaneBench, plate_seen


@pytest.mark.parametrize(
    "phase", [Phase.IDLE, Phase.IDENTIFYING, Phase.WAITING, Phase.HELD, Phase.TURNING_BACK, Phase.LEAVING]
)
def test_a_named_person_opens_and_the_passage_is_theirs(phase: Phase) -> None:
    lane = LaneBench().go(phase)
    lane.order("open", "li", "release note on paper")
    consumed = lane.last(ConsumeAuthority)
    assert (consumed.source, consumed.operator, consumed.reason) == ("person", "li", "release note on paper")
    lane.durable()
    lane.scan(**MOVING)
    lane.scan(**UP)
    assert lane.phase is Phase.OPEN
    lane.close()
    lane.fall()
    assert lane.ended[-1] == "MANUAL_PASSED"


@pytest.mark.parametrize(("operator", "reason"), [("", "why"), ("  ", "why"), ("li", ""), ("li", " ")])
def test_s23_nobody_opens_without_name_and_reason(operator: str, reason: str) -> None:
    lane = LaneBench().go(Phase.HELD)
    lane.order("open", operator, reason)
    assert (lane.phase, lane.last(Report).name) == (Phase.HELD, "order_refused")


def test_an_opening_without_a_vehicle_waits_for_one() -> None:
    lane = LaneBench()
    lane.order("open")
    assert [one.passage for one in lane.all(StartCapture)] == [lane.passage.id]
    lane.durable()
    lane.scan(**MOVING)
    lane.scan(40, **UP)
    assert (lane.phase, lane.state.light) == (Phase.OPEN, "green")
    lane.scan(arrival_loop=True)
    lane.close()
    lane.fall()
    assert (lane.ended, lane.alarms_raised) == (["MANUAL_PASSED"], [])


@pytest.mark.parametrize(
    "phase", [Phase.OPENING, Phase.OPEN, Phase.CLOSING, Phase.STARTING, Phase.FAULT, Phase.CONSUMING]
)
def test_an_order_to_open_that_the_phase_does_not_allow_is_refused(phase: Phase) -> None:
    lane = LaneBench().go(phase)
    lane.forget()
    lane.order("open")
    assert (lane.phase, [one.name for one in lane.all(Report)]) == (phase, ["order_refused"])


@pytest.mark.parametrize("phase", [Phase.IDENTIFYING, Phase.WAITING, Phase.HELD, Phase.CONSUMING])
def test_a_person_turns_a_vehicle_back(phase: Phase) -> None:
    lane = LaneBench().go(phase)
    lane.order("refuse")
    assert (lane.phase, lane.passage.authority) == (Phase.TURNING_BACK, None)
    assert lane.all(StopCapture)
    if phase is Phase.CONSUMING:
        lane.durable()
    lane.scan(arrival_loop=False)
    assert (lane.ended, lane.all(RaiseBoom)) == (["TURNED_BACK"], [])


def test_a_person_retries_twice_and_old_answers_and_pictures_do_not_count() -> None:
    lane = LaneBench()
    lane.hold()
    old = lane.grant("release")
    lane.at_ms += 500
    for attempt in (1, 2):
        lane.order("retry")
        assert (lane.phase, lane.passage.attempt) == (Phase.IDENTIFYING, attempt)
        lane.frame("cam-front", plate_seen(PLATE), age_ms=100)
        lane.read_tag(age_ms=100)
        assert (lane.passage.frames, lane.passage.tags) == ((), ())
        lane.tick()
        lane.prepare()
        lane.take(GrantReceived(lane.at_ms, old))
        lane.tick()
        assert lane.phase is Phase.HELD
    assert lane.ignored == ["wrong_nonce", "wrong_nonce"]
    lane.order("retry")
    assert lane.phase is Phase.HELD
    assert len({one.nonce for one in lane.all(PrepareRequest)}) == 3


def test_a_person_resets_a_fault_and_everything_is_proved_anew() -> None:
    lane = LaneBench()
    lane.lose_device("reader")
    lane.fault()
    lane.order("reset")
    assert (lane.phase, lane.state.alarms) == (Phase.STARTING, ("device_lost_reader",))
    lane.scan()
    assert lane.phase is Phase.IDLE


def test_a_reset_does_not_talk_an_emergency_away() -> None:
    lane = LaneBench().go(Phase.FAULT)
    lane.scan(emergency_stop=True)
    lane.order("reset")
    lane.scan()
    assert lane.phase is Phase.FAULT
