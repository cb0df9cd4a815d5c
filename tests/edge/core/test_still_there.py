"""A vehicle that still stands in the lane when its passage ends: what was seen of it stays its own, and no other's."""

from dataclasses import replace

import pytest

from edge.core.events import SealsSeen, Weighed
from edge.core.profile import LaneProfile
from edge.core.readings import Seal
from edge.core.seal import SEAL_OPEN, SealsInField
from edge.core.state import Phase
from edge.core.weight import Weighing
from tests.support.lane_bench import DOWN, MOVING, PROFILE, UP, LaneBench

READS_BOTH = replace(PROFILE, cameras=(), must_match=("tag", "weight"), weighbridge="scale-1", seal_reader="seal-1")
OPEN_SEAL = Seal("CNSEAL0001", locked=False)


def weighed_in_the_lane(profile: LaneProfile = READS_BOTH) -> LaneBench:
    """A vehicle with an open seal stands on the scale, at rest."""
    lane = LaneBench(profile)
    lane.arrive()
    lane.scan(10)
    lane.take(Weighed(lane.at_ms, Weighing("stable", 18_850, lane.at_ms)))
    lane.take(SealsSeen(lane.at_ms, SealsInField((OPEN_SEAL,), lane.at_ms)))
    lane.scan(10)
    return lane


def stopped(lane: LaneBench) -> None:
    lane.scan(emergency_stop=True)
    assert lane.phase is Phase.FAULT
    lane.scan(emergency_stop=False)


def reset(lane: LaneBench) -> None:
    """Reset the lane; whoever stands on the arrival loop gets a passage."""
    lane.order("reset")
    lane.scan(40)


@pytest.mark.hazard("P20")
def test_who_stood_through_an_emergency_stop_keeps_weight_and_open_seal() -> None:
    lane = weighed_in_the_lane()
    stopped(lane)
    lane.forget()
    reset(lane)
    assert lane.phase is Phase.IDENTIFYING
    assert lane.passage.weighing is not None
    assert lane.passage.seals is not None
    assert lane.alarms_raised == [SEAL_OPEN], "an open seal is none the less open after a reset"


def test_who_is_let_in_after_their_time_was_over_keeps_weight_and_seal() -> None:
    lane = weighed_in_the_lane(replace(READS_BOTH, timing=replace(READS_BOTH.timing, hold_ms=1_000)))
    lane.read_tag()
    lane.prepare()
    lane.answer("hold")
    lane.tick()
    assert lane.ended == ["TIMEOUT"]
    lane.order("open")
    assert lane.passage.weighing is not None
    assert lane.passage.seals is not None


@pytest.mark.hazard("I16")
@pytest.mark.parametrize("left", [{"arrival_loop": False}, {"arrival_loop": None}])
def test_who_left_a_stopped_lane_gives_the_next_one_nothing(left: dict[str, bool | None]) -> None:
    lane = weighed_in_the_lane()
    stopped(lane)
    lane.scan(**left)
    lane.scan(arrival_loop=False)
    reset(lane)
    assert lane.phase is Phase.IDLE
    lane.order("open")
    assert lane.passage.weighing is None
    assert lane.passage.seals is None


@pytest.mark.hazard("I16")
def test_who_left_while_nobody_saw_the_loop_gives_the_next_one_nothing() -> None:
    lane = weighed_in_the_lane()
    stopped(lane)
    lane.lose_inputs()
    lane.scan()
    reset(lane)
    assert lane.phase is Phase.IDENTIFYING
    assert lane.passage.weighing is None
    assert lane.passage.seals is None


@pytest.mark.hazard("I16")
def test_who_was_not_watched_before_the_stop_gives_nothing() -> None:
    lane = weighed_in_the_lane()
    lane.lose_inputs()
    lane.scan()
    stopped(lane)
    reset(lane)
    assert lane.phase is Phase.IDENTIFYING
    assert lane.passage.weighing is None
    assert lane.passage.seals is None


@pytest.mark.hazard("I16")
def test_who_follows_without_a_gap_on_the_loop_has_nothing_of_the_vehicle_in_front() -> None:
    lane = weighed_in_the_lane()
    lane.order("open")
    lane.durable()
    lane.scan(**MOVING)
    lane.scan(**UP)
    lane.scan(4, safety_loop=True)
    stopped(lane)
    lane.scan(4, safety_loop=False, exit_loop=False, **DOWN)
    reset(lane)
    assert lane.phase is Phase.IDENTIFYING
    assert lane.passage.weighing is None
    assert lane.passage.seals is None


@pytest.mark.hazard("I16")
def test_a_person_who_opens_for_nobody_after_one_left_gets_nothing_of_theirs() -> None:
    lane = weighed_in_the_lane()
    stopped(lane)
    lane.order("reset")
    lane.scan()
    assert lane.phase is Phase.IDLE
    lane.scan(arrival_loop=False)
    lane.order("open")
    assert lane.passage.weighing is None
    assert lane.passage.seals is None
