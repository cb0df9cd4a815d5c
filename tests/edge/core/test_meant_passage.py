"""An order of a person is for the passage that they looked at: not for who came after, and not for an empty lane."""

from dataclasses import replace

import pytest

from edge.core.effects import ConsumeAuthority, RaiseBoom, Report
from edge.core.events import PersonAction, PersonDecided
from edge.core.state import Phase
from tests.support.lane_bench import PROFILE, LaneBench


def order(lane: LaneBench, passage: str | None, action: PersonAction = "open", operator: str = "li") -> None:
    lane.take(PersonDecided(lane.at_ms, operator, action, "looked", passage))


def test_for_the_passage_that_is_there_it_counts() -> None:
    lane = LaneBench().go(Phase.HELD)
    order(lane, lane.passage.id)
    assert lane.phase is Phase.CONSUMING


def test_an_opening_for_a_vehicle_that_drove_off_moves_nothing() -> None:
    """Else the boom would rise before nobody, and whoever comes next would pass unseen."""
    lane = LaneBench().go(Phase.HELD)
    looked_at = lane.passage.id
    lane.scan(3, arrival_loop=False)
    assert lane.phase is Phase.IDLE
    order(lane, looked_at)
    assert (lane.phase, lane.last(Report).name) == (Phase.IDLE, "order_refused")
    assert lane.all(ConsumeAuthority) == lane.all(RaiseBoom) == []


def test_an_opening_for_a_vehicle_that_drove_off_is_none_for_the_next() -> None:
    lane = LaneBench().go(Phase.HELD)
    looked_at = lane.passage.id
    lane.scan(3, arrival_loop=False)
    lane.arrive()
    assert (lane.phase, lane.passage.id == looked_at) == (Phase.IDENTIFYING, False)
    order(lane, looked_at)
    assert (lane.phase, lane.last(Report).name) == (Phase.IDENTIFYING, "order_refused")
    order(lane, lane.passage.id)
    assert lane.phase is Phase.CONSUMING


@pytest.mark.parametrize("action", ["open", "refuse", "retry", "reset", "lower"])
@pytest.mark.parametrize("phase", list(Phase))
def test_no_order_for_another_passage_counts_in_any_phase(phase: Phase, action: PersonAction) -> None:
    lane = LaneBench().go(phase)
    before = lane.state
    order(lane, "0" * 32, action)
    assert (lane.phase, lane.last(Report).name) == (phase, "order_refused")
    assert (lane.state.passage, lane.state.first_order) == (before.passage, before.first_order)


def test_it_is_no_first_order_of_two_persons_either() -> None:
    lane = LaneBench(replace(PROFILE, two_persons=("open",))).go(Phase.HELD)
    order(lane, "0" * 32)
    assert lane.state.first_order is None
    order(lane, lane.passage.id)
    assert lane.state.first_order is not None
    order(lane, lane.passage.id, operator="wang")
    assert lane.phase is Phase.CONSUMING


def test_who_does_not_say_which_means_whoever_is_there() -> None:
    lane = LaneBench()
    order(lane, None)
    assert lane.phase is Phase.CONSUMING
