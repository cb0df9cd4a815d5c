"""Orders that a second named person has to give too."""

from dataclasses import replace

import pytest

from edge.core.effects import ConsumeAuthority, LowerBoom, RaiseBoom, Report
from edge.core.events import PersonAction
from edge.core.state import Phase
from tests.support.lane_bench import PROFILE, LaneBench

TWO = replace(PROFILE, two_persons=("open", "lower", "reset", "mode"), second_person_ms=60_000)


@pytest.mark.parametrize(
    "phase", [Phase.IDLE, Phase.LEAVING, Phase.IDENTIFYING, Phase.WAITING, Phase.HELD, Phase.TURNING_BACK]
)
def test_the_second_person_opens(phase: Phase) -> None:
    lane = LaneBench(TWO).go(phase)
    lane.order("open", "chen")
    assert lane.phase is phase
    assert lane.reports[-1] == "second_person_awaited"
    lane.order("open", "wang")
    authority = lane.last(ConsumeAuthority)
    assert (authority.operator, authority.first_operator) == ("wang", "chen")
    assert ("first_operator", "chen") in next(one.fields for one in lane.all(Report) if one.name == "opened_by_person")
    lane.durable()
    assert lane.all(RaiseBoom)
    assert lane.state.first_order is None


@pytest.mark.parametrize("operator", ["chen", " Chen ", "CHEN"])
@pytest.mark.hazard("S23")
def test_one_person_is_not_two(operator: str) -> None:
    lane = LaneBench(TWO).go(Phase.HELD)
    lane.order("open", "chen")
    lane.order("open", operator)
    assert lane.phase is Phase.HELD


def test_a_second_person_who_comes_too_late_is_a_first_one() -> None:
    lane = LaneBench(TWO).go(Phase.HELD)
    lane.order("open", "chen")
    lane.at_ms += 60_001
    lane.order("open", "wang")
    assert lane.phase is Phase.HELD
    lane.at_ms += 60_000
    lane.order("open", "chen")
    assert lane.phase is Phase.CONSUMING


def test_two_orders_about_two_vehicles_are_no_pair() -> None:
    lane = LaneBench(TWO).go(Phase.HELD)
    lane.order("open", "chen")
    lane.scan(arrival_loop=False)
    lane.hold()
    lane.order("open", "wang")
    assert lane.phase is Phase.HELD


def test_an_order_without_a_name_waits_for_nobody() -> None:
    lane = LaneBench(TWO).go(Phase.HELD)
    lane.order("open", " ")
    lane.order("open", "wang", " ")
    assert lane.state.first_order is None
    assert lane.reports[-1] == "order_refused"


def test_two_persons_reset() -> None:
    lane = LaneBench(TWO).go(Phase.FAULT)
    lane.order("reset", "chen")
    assert lane.phase is Phase.FAULT
    lane.order("reset", "wang")
    assert lane.phase is Phase.STARTING


def test_two_persons_lower() -> None:
    lane = LaneBench(TWO).go(Phase.OPEN)
    lane.scan(20)
    lane.order("lower", "chen")
    assert not lane.all(LowerBoom)
    lane.order("lower", "wang")
    assert lane.phase is Phase.CLOSING


def test_two_persons_change_the_mode_and_mean_the_same_one() -> None:
    lane = LaneBench(TWO)
    lane.order_mode("DRILL", "chen")
    lane.order_mode("MAINTENANCE", "wang")
    assert lane.state.mode == "NORMAL"
    lane.order_mode("MAINTENANCE", "chen")
    assert lane.state.mode == "MAINTENANCE"


def test_two_persons_evacuate() -> None:
    lane = LaneBench(replace(TWO, direction="out"))
    lane.order_mode("EMERGENCY_EVACUATE", "chen")
    assert not lane.all(ConsumeAuthority)
    lane.order_mode("EMERGENCY_EVACUATE", "wang")
    assert lane.last(ConsumeAuthority).first_operator == "chen"


def test_what_needs_no_second_person_waits_for_none_and_forgets_none() -> None:
    lane = LaneBench(replace(PROFILE, two_persons=("mode",))).go(Phase.HELD)
    lane.order_mode("DRILL", "chen")
    lane.order("open", "wang")
    assert lane.phase is Phase.CONSUMING
    assert lane.last(ConsumeAuthority).first_operator is None
    assert lane.state.first_order is not None


def test_an_order_that_the_phase_does_not_allow_waits_for_nobody() -> None:
    lane = LaneBench(TWO).go(Phase.OPENING)
    for action in ("open", "lower", "reset"):
        lane.order(action)  # type: ignore[arg-type]
    assert lane.state.first_order is None


@pytest.mark.parametrize("phase", list(Phase))
@pytest.mark.parametrize("action", ["refuse", "retry"])
def test_what_needs_one_person_alone_is_nobodys_first_order(phase: Phase, action: PersonAction) -> None:
    lane = LaneBench(TWO).go(phase)
    lane.order(action)
    assert lane.state.first_order is None


@pytest.mark.parametrize(
    ("action", "phases"),
    [
        ("open", {Phase.IDLE, Phase.LEAVING, Phase.IDENTIFYING, Phase.WAITING, Phase.HELD, Phase.TURNING_BACK}),
        ("lower", {Phase.OPEN, Phase.STARTING}),
        ("reset", {Phase.FAULT}),
    ],
)
def test_only_what_the_phase_allows_waits_for_a_second_person(action: PersonAction, phases: set[Phase]) -> None:
    found = set()
    for phase in Phase:
        lane = LaneBench(TWO).go(phase)
        lane.order(action)
        if lane.state.first_order is not None:
            assert lane.state.first_order.action == action
            found.add(phase)
    assert found == phases
