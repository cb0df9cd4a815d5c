"""A controller that is replaced leaves what is not decided to a person, and so does the next one."""

from dataclasses import replace

import pytest

from edge.core.effects import StopCapture
from edge.core.events import Started
from edge.core.state import Phase
from edge.runtime.recovery import Recovered, recover, replay
from tests.edge.runtime.test_recovery import records
from tests.support.lane_bench import LaneBench

pytestmark = pytest.mark.hazard("O1")


def restarted(lane: LaneBench, found: Recovered) -> LaneBench:
    """The next boot of the same lane, which has seen nothing of its inputs yet."""
    after = LaneBench()
    after.state = replace(after.state, boot="", phase=Phase.STARTING, passage=None)
    after.history.clear()
    started = Started(
        lane.at_ms, "boot-2", "seed-2", passages=found.passages, unfinished=found.unfinished,
        handed_over=found.handed_over,
    )  # fmt: skip
    after.take(started)
    return after


@pytest.mark.parametrize("phase", [Phase.IDENTIFYING, Phase.WAITING])
def test_what_is_not_decided_is_a_persons(phase: Phase) -> None:
    lane = LaneBench().go(phase)
    lane.hand_over()
    assert lane.phase is Phase.HELD
    assert (lane.passage.decision, lane.passage.reasons) == ("hold", ("handed_over",))
    assert lane.all(StopCapture)
    assert lane.phase is Phase.HELD
    assert all(difference is None for difference in replay(records(lane.history)))


@pytest.mark.parametrize("phase", [one for one in Phase if one not in (Phase.IDENTIFYING, Phase.WAITING)])
def test_nothing_else_is_changed_by_it(phase: Phase) -> None:
    lane = LaneBench().go(phase)
    lane.hand_over()
    assert lane.phase is phase


def test_the_vehicle_is_held_after_the_restart_and_after_the_next_one() -> None:
    lane = LaneBench().go(Phase.WAITING)
    lane.hand_over()
    for _ in range(2):
        found = recover(records(lane.history))
        assert found.handed_over
        lane = restarted(lane, found)
        assert recover(records(lane.history)).handed_over, "killed before it saw the vehicle"
        lane.scan(safety_loop=True, arrival_loop=True)
        lane.scan_until(lambda: lane.phase is Phase.HELD, safety_loop=False)  # noqa: B023 - called at once
        assert lane.phase is Phase.HELD
        assert lane.passage.reasons == ("handed_over",)
    assert not lane.state.handed_over, "only the vehicle that stood there"


def test_it_is_not_forgotten_however_often_a_start_ends_early() -> None:
    lane = LaneBench().go(Phase.WAITING)
    lane.hand_over()
    for _ in range(4):
        found = recover(records(lane.history))
        assert found.handed_over
        lane = restarted(lane, found)


def test_a_person_who_has_seen_to_it_before_the_restart_is_not_asked_again() -> None:
    lane = LaneBench().go(Phase.WAITING)
    lane.hand_over()
    lane.order("refuse")
    lane.scan(arrival_loop=False)
    assert lane.ended == ["TURNED_BACK"]
    assert not recover(records(lane.history)).handed_over


def test_a_vehicle_that_left_meanwhile_leaves_nothing_behind() -> None:
    lane = LaneBench().go(Phase.WAITING)
    lane.hand_over()
    lane = restarted(lane, recover(records(lane.history)))
    assert lane.state.handed_over
    lane.scan(safety_loop=True)
    lane.scan(safety_loop=False)
    assert lane.phase is Phase.IDLE
    assert not lane.state.handed_over
    lane.arrive()
    assert lane.phase is Phase.IDENTIFYING
