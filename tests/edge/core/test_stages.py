"""The stage times of a passage: every stage in every path, in its order, and whether a person acted on it."""

from dataclasses import replace

import pytest

from edge.core.effects import EndPassage
from edge.core.events import RequestPrepared
from edge.core.profile import AuthorityProfile
from edge.core.state import Phase
from tests.support.lane_bench import CUSTOMS, MOVING, PROFILE, UP, LaneBench
from tests.support.offline import OfflineBench

ALL = ["identified", "requested", "answered_customs", "granted", "opened", "cleared"]
OUT = replace(PROFILE, direction="out")
TWO = replace(PROFILE, authorities=(CUSTOMS, AuthorityProfile("border", 5_000)))


def end_of(lane: LaneBench) -> EndPassage:
    """Let the boom rise for whoever has the authority, let the vehicle through, and return how it ended."""
    lane.durable()
    lane.scan(2, **MOVING)
    lane.scan(**UP)
    lane.close()
    lane.fall()
    return lane.last(EndPassage)


def stages(end: EndPassage) -> list[str]:
    times = [at_ms for _, at_ms in end.stages]
    assert times == sorted(times)
    return [name for name, _ in end.stages]


def test_a_released_vehicle_passes_every_stage_untouched() -> None:
    lane = LaneBench()
    lane.consume()
    end = end_of(lane)
    assert stages(end) == ALL
    assert (end.arrived_ms, end.touched) == (0, False)


def test_the_order_of_a_person_is_the_decision_that_counts() -> None:
    lane = LaneBench()
    lane.hold()
    lane.at_ms += 30_000
    lane.scan()
    lane.order("open")
    end = end_of(lane)
    assert stages(end) == ALL
    assert (end.terminal, end.touched) == ("MANUAL_PASSED", True)
    assert dict(end.stages)["granted"] >= 30_000 > dict(end.stages)["answered_customs"]


def test_whoever_is_let_in_unidentified_is_timed_all_the_same() -> None:
    lane = LaneBench()
    lane.arrive()
    lane.order("open")
    assert stages(end_of(lane)) == ["granted", "opened", "cleared"]


def test_a_vehicle_for_which_the_boom_was_raised_before_it_came_arrives_later() -> None:
    lane = LaneBench()
    lane.order("open")
    lane.durable()
    lane.scan(2, **MOVING)
    lane.scan(20, **UP)
    lane.scan(arrival_loop=True)
    lane.close()
    lane.fall()
    end = lane.last(EndPassage)
    assert end.terminal == "MANUAL_PASSED"
    assert end.arrived_ms is not None
    assert end.arrived_ms >= 1_000


def test_nobody_arrived_where_nobody_came() -> None:
    lane = LaneBench()
    lane.order("open")
    lane.durable()
    lane.scan(**UP)
    lane.scan_until(lambda: lane.at_ms >= lane.state.phase_since_ms + 120_000, limit_ms=130_000)
    lane.tick(lane.at_ms)
    lane.fall()
    end = lane.last(EndPassage)
    assert (end.terminal, end.arrived_ms, stages(end)) == ("ABANDONED", None, ["granted", "opened"])


def test_a_retry_times_the_attempt_that_decides_and_is_a_touch() -> None:
    lane = LaneBench()
    lane.hold()
    lane.at_ms += 30_000
    lane.scan()
    lane.order("retry")
    lane.read_plate()
    lane.read_container()
    lane.read_tag()
    lane.prepare()
    lane.answer("release")
    end = end_of(lane)
    assert (end.terminal, end.touched, stages(end)) == ("PASSED", True, ALL)
    assert dict(end.stages)["identified"] >= 30_000


def test_each_authority_that_answers_is_timed() -> None:
    lane = LaneBench(TWO)
    lane.identify()
    lane.answer("release")
    lane.answer("release", at_ms=lane.at_ms + 10, authority="border")
    assert stages(end_of(lane)) == [*ALL[:3], "answered_border", *ALL[3:]]


def test_a_denial_that_overtakes_the_release_is_the_decision_that_counts() -> None:
    lane = LaneBench()
    lane.consume()
    lane.answer("deny", at_ms=lane.at_ms + 10)
    lane.scan(arrival_loop=False)
    end = lane.last(EndPassage)
    assert (end.terminal, stages(end)) == ("DENIED", ALL[:4])
    assert dict(end.stages)["granted"] == dict(end.stages)["answered_customs"] + 10


def test_an_offline_passage_has_no_answer_and_every_other_stage() -> None:
    lane = OfflineBench()
    lane.wait_in_vain()
    end = end_of(lane)
    assert stages(end) == [one for one in ALL if one != "answered_customs"]
    assert (end.terminal, end.touched) == ("OFFLINE_PASSED", False)


@pytest.mark.parametrize(("verdict", "terminal"), [("refer", "REFERRED"), ("deny", "DENIED")])
def test_referred_and_denied_vehicles_are_timed_up_to_the_decision(verdict: str, terminal: str) -> None:
    lane = LaneBench()
    lane.identify()
    lane.answer(verdict, target="nii" if verdict == "refer" else None)
    lane.scan(arrival_loop=False)
    end = lane.last(EndPassage)
    assert (end.terminal, end.touched, stages(end)) == (terminal, False, ALL[:4])


def test_a_held_arrival_is_decided_as_it_comes() -> None:
    lane = LaneBench()
    lane.order_mode("EMERGENCY_HOLD")
    lane.arrive()
    lane.order("refuse")
    lane.scan(arrival_loop=False)
    end = lane.last(EndPassage)
    assert (end.terminal, end.touched, stages(end)) == ("TURNED_BACK", True, ["granted"])


def test_a_boom_that_came_down_unasked_behind_the_vehicle_still_times_its_clearing() -> None:
    lane = LaneBench()
    lane.open()
    lane.scan(2, safety_loop=True)
    lane.scan(2, arrival_loop=False, exit_loop=True)
    lane.scan(safety_loop=False, exit_loop=False)
    lane.fall()
    end = lane.last(EndPassage)
    assert "boom_down_unasked" in lane.alarms_raised
    assert (end.terminal, stages(end)) == ("PASSED", ALL)


def test_a_person_who_lowers_the_boom_touches_the_passage() -> None:
    lane = LaneBench(proved=False)
    lane.consume()
    lane.durable()
    lane.scan(**UP)
    lane.scan(30)
    assert lane.phase is Phase.OPEN
    lane.order("lower")
    assert lane.phase is Phase.CLOSING
    lane.fall()
    end = lane.last(EndPassage)
    assert (end.terminal, end.touched) == ("ABANDONED", True)


def test_an_evacuation_that_joins_an_open_boom_does_not_decide_it_anew() -> None:
    lane = LaneBench(OUT)
    lane.open()
    granted_ms = dict(lane.passage.stages)["granted"]
    lane.order_mode("EMERGENCY_EVACUATE")
    assert dict(lane.passage.stages)["granted"] == granted_ms
    assert lane.passage.touched


def test_a_scan_that_left_before_what_was_heard_meanwhile_sets_no_stage_back() -> None:
    lane = LaneBench()
    lane.arrive()
    lane.read_plate()
    lane.read_container()
    lane.read_tag()
    identified_ms = dict(lane.passage.stages)["identified"]
    asked = lane.passage.requests[0]
    lane.take(RequestPrepared(lane.at_ms - 40, lane.passage.id, asked.authority, "hash"))
    assert dict(lane.passage.stages)["requested"] == identified_ms
