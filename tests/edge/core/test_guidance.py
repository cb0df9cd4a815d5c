"""What the driver is told in each state of the lane; the sign promises no more than the light."""

from dataclasses import replace

import pytest

from edge.core.effects import Guide, Phrase, SetLight
from edge.core.events import Started
from edge.core.grant import REFERRAL_TARGETS, ReferralTarget
from edge.core.modes import Hours, Mode
from edge.core.state import Phase
from edge.core.step import initial, step
from tests.support.lane_bench import MOVING, PROFILE, UP, LaneBench
from tests.support.lane_storm import Storm, seeded_storm

EXPECTED: dict[Phase, Phrase] = {
    Phase.STARTING: "not_ready", Phase.IDLE: "ready", Phase.IDENTIFYING: "stop", Phase.WAITING: "wait",
    Phase.HELD: "wait_for_person", Phase.CONSUMING: "wait", Phase.OPENING: "wait", Phase.OPEN: "released",
    Phase.CLOSING: "one_at_a_time", Phase.TURNING_BACK: "turn_back", Phase.LEAVING: "turn_back",
    Phase.FAULT: "out_of_order",
}  # fmt: skip


def told(lane: LaneBench) -> list[str]:
    return [one.phrase for one in lane.all(Guide)]


@pytest.mark.parametrize("phase", Phase)
def test_each_phase_has_its_word(phase: Phase) -> None:
    lane = LaneBench().go(phase)
    assert lane.state.guide == Guide(EXPECTED[phase])


def test_a_passage_is_told_word_by_word_each_once() -> None:
    lane = LaneBench()
    lane.open()
    lane.close()
    lane.fall()
    lane.scan()
    assert told(lane) == ["stop", "wait", "released", "one_at_a_time", "not_ready", "ready"]


@pytest.mark.hazard("I7")
def test_i7_released_stands_exactly_as_long_as_the_light_is_green() -> None:
    lane = LaneBench()
    lane.consume()
    lane.durable()
    lane.scan(3, **MOVING)
    assert "released" not in told(lane), "a boom that was asked up is not up"
    lane.scan(**UP)
    assert lane.effects[-1] == Guide("released")
    assert SetLight("green") in lane.effects
    lane.scan(safety_loop=True)
    assert lane.state.guide == Guide("one_at_a_time"), "the next vehicle reads the sign now"


@pytest.mark.hazard("I7")
@pytest.mark.parametrize("hundred", range(2))
def test_i7_no_storm_makes_the_sign_promise_more_than_the_light(hundred: int) -> None:
    for seed in range(100):
        storm: Storm = seeded_storm(hundred * 100 + seed)
        state = initial(storm.profile)
        for event in storm.events(lambda: state):  # noqa: B023 - asked within the loop
            before = state
            state, effects = step(state, event)
            promised = state.guide is not None and state.guide.phrase in ("released", "leave")
            assert promised == (state.light == "green")
            guides = [one for one in effects if isinstance(one, Guide)]
            assert guides == ([state.guide] if state.guide != before.guide else [])


@pytest.mark.parametrize("target", REFERRAL_TARGETS)
def test_a_referred_driver_is_told_where_to_go_until_somebody_decides_otherwise(target: ReferralTarget) -> None:
    lane = LaneBench()
    lane.identify()
    lane.answer("refer", target=target)
    assert lane.state.guide == Guide("go_to", target)
    lane.order("retry")
    assert lane.state.guide == Guide("stop")


def test_a_driver_who_is_held_and_then_refused_is_told_to_turn_back() -> None:
    lane = LaneBench()
    lane.hold()
    lane.order("refuse")
    assert told(lane)[-2:] == ["wait_for_person", "turn_back"]


@pytest.mark.parametrize(
    ("mode", "hours", "phrase"),
    [
        ("NORMAL", "open", "ready"),
        ("HEIGHTENED", "open", "ready"),
        ("NORMAL", "appointments", "appointments"),
        ("NORMAL", "closed", "closed"),
        ("EMERGENCY_HOLD", "open", "closed"),
        ("MAINTENANCE", "appointments", "closed"),
    ],
)
def test_an_idle_lane_says_whom_it_takes(mode: Mode, hours: Hours, phrase: Phrase) -> None:
    lane = LaneBench()
    lane.order_mode(mode)
    lane.turn_hours(hours)
    assert lane.state.guide == Guide(phrase)


def test_a_drill_is_marked() -> None:
    lane = LaneBench()
    lane.order_mode("DRILL")
    assert lane.state.guide == Guide("ready", drill=True)
    lane.arrive()
    assert lane.state.guide == Guide("stop", drill=True)


def test_an_evacuation_tells_all_to_leave_for_as_long_as_the_light_is_green() -> None:
    lane = LaneBench(replace(PROFILE, direction="out"))
    lane.order_mode("EMERGENCY_EVACUATE")
    lane.scan()
    lane.durable()
    lane.scan(2, **MOVING)
    lane.scan(**UP)
    assert (lane.state.light, lane.state.guide) == ("green", Guide("leave"))
    lane.scan(boom_up=False)
    assert lane.state.guide == Guide("one_at_a_time")


def test_a_journal_of_before_knows_no_guidance() -> None:
    state, effects = step(initial(replace(PROFILE, guides=False)), Started(0, "boot-1", "seed-1"))
    assert state.guide is None
    assert not [one for one in effects if isinstance(one, Guide)]


def test_an_event_that_nobody_expects_stops_the_lane_and_tells_drivers_so() -> None:
    lane = LaneBench()
    lane.take(object_of_no_kind(lane.at_ms))  # type: ignore[arg-type]
    assert (lane.phase, lane.state.guide) == (Phase.FAULT, Guide("out_of_order"))


def object_of_no_kind(at_ms: int) -> object:
    class Unheard:
        def __init__(self) -> None:
            self.at_ms = at_ms

    return Unheard()
