"""D10, D12: which tags are this lane's, and a tag that two lanes see."""

from dataclasses import replace

import pytest

from edge.core.effects import ConsumeAuthority, PrepareRequest, RaiseAlarm, RaiseBoom
from edge.core.events import TagElsewhere, TagSighted
from edge.core.profile import LaneProfile
from edge.core.readings import TagSighting
from edge.core.state import Phase
from edge.core.tag import Tag
from tests.support.lane_bench import EPC, PROFILE, LaneBench
from tests.support.offline import OfflineBench

WITH_TAG = replace(PROFILE, cameras=(), must_match=("tag",))


def sight(lane: LaneBench, *, rssi_dbm: int | None = -50, antenna: int = 0, epc: str = EPC) -> None:
    lane.take(TagSighted(lane.at_ms, TagSighting(Tag(epc), antenna, rssi_dbm, lane.at_ms)))


def arrived(profile: LaneProfile) -> LaneBench:
    lane = LaneBench(profile)
    lane.arrive()
    return lane


def elsewhere(lane: LaneBench, *, epc: str = EPC, age_ms: int = 0) -> None:
    lane.take(TagElsewhere(lane.at_ms, epc, "lane-2", lane.at_ms - age_ms))


@pytest.mark.parametrize(
    ("rssi_dbm", "antenna", "counted"),
    [(-60, 1, True), (-61, 1, False), (None, 1, False), (-40, 0, False), (-40, 3, True)],
)
def test_d10_a_weak_sighting_and_a_foreign_antenna_are_of_the_lane_next_door(
    rssi_dbm: int | None, antenna: int, counted: bool
) -> None:
    lane = arrived(replace(WITH_TAG, tag_min_rssi_dbm=-60, tag_antennas=(1, 3)))
    sight(lane, rssi_dbm=rssi_dbm, antenna=antenna)
    assert (lane.phase is Phase.WAITING) is counted


def test_d10_a_lane_that_asks_for_nothing_counts_every_sighting() -> None:
    lane = arrived(WITH_TAG)
    sight(lane, rssi_dbm=None, antenna=3)
    assert lane.phase is Phase.WAITING


def test_d10_a_tag_has_to_be_seen_for_some_time() -> None:
    lane = arrived(replace(WITH_TAG, tag_min_reads=2, tag_dwell_ms=300))
    for _ in range(6):
        sight(lane)
        lane.scan()
    assert (lane.phase, lane.passage.tags[0].reads) == (Phase.IDENTIFYING, 2), "more of the same is no news"
    sight(lane)
    assert lane.phase is Phase.WAITING


def test_d10_long_but_seldom_is_not_enough_either() -> None:
    lane = arrived(replace(WITH_TAG, tag_min_reads=3, tag_dwell_ms=300))
    sight(lane)
    lane.scan(20)
    sight(lane)
    assert lane.phase is Phase.IDENTIFYING
    sight(lane)
    assert lane.phase is Phase.WAITING


@pytest.mark.hazard("D12")
def test_d10_a_tag_that_two_lanes_see_is_ambiguous_and_told_without_its_number() -> None:
    lane = arrived(replace(WITH_TAG, tag_min_reads=2))
    sight(lane)
    elsewhere(lane)
    elsewhere(lane)
    sight(lane)
    (asked,) = lane.all(PrepareRequest)
    assert (asked.identity.tag.status, asked.identity.tag.reason) == ("conflict", "seen_in_two_lanes")
    assert [(one.code, one.detail) for one in lane.all(RaiseAlarm)] == [
        ("tag_in_two_lanes", "lane lane-2 sees it as well")
    ]
    lane.prepare()
    lane.answer("release")
    assert (lane.phase, lane.passage.reasons) == (Phase.HELD, ("conflict_tag",))


@pytest.mark.hazard("D12")
def test_d10_a_tag_that_is_seen_elsewhere_after_it_was_read_holds_the_vehicle_too() -> None:
    lane = LaneBench()
    lane.identify()
    elsewhere(lane)
    lane.answer("release")
    assert (lane.phase, lane.passage.reasons) == (Phase.HELD, ("tag_in_two_lanes",))
    lane.order("open")
    lane.durable()
    assert lane.all(RaiseBoom), "a person may"


def test_d10_a_tag_that_is_seen_elsewhere_before_the_boom_was_asked_up_keeps_it_down() -> None:
    lane = LaneBench()
    lane.consume()
    elsewhere(lane)
    lane.durable()
    assert (lane.phase, lane.all(RaiseBoom)) == (Phase.HELD, [])


def test_d10_new_pictures_begin_without_the_doubt() -> None:
    lane = LaneBench()
    lane.identify()
    elsewhere(lane)
    lane.answer("release")
    lane.order("retry")
    lane.read_plate()
    lane.read_container()
    lane.read_tag()
    lane.prepare()
    lane.answer("release")
    assert lane.phase is Phase.CONSUMING


def test_d10_the_alarm_ends_with_the_vehicle() -> None:
    lane = LaneBench()
    lane.identify()
    elsewhere(lane)
    lane.scan(arrival_loop=False)
    lane.lose_inputs()
    lane.scan()
    assert (lane.phase, lane.state.alarms) == (Phase.IDLE, ())


@pytest.mark.parametrize("case", ["long ago", "another tag", "nobody here"])
def test_d10_what_does_not_concern_this_vehicle_is_no_doubt(case: str) -> None:
    lane = LaneBench()
    if case != "nobody here":
        lane.identify()
    elsewhere(lane, epc="E2FF" if case == "another tag" else EPC, age_ms=5_001 if case == "long ago" else 0)
    assert lane.alarms_raised == []


def test_d10_no_list_lets_a_vehicle_pass_with_a_tag_that_two_lanes_see() -> None:
    lane = OfflineBench()
    lane.arrive()
    lane.read_plate()
    lane.read_container()
    lane.read_tag(tid="E2801160")
    lane.prepare()
    elsewhere(lane)
    lane.give_up()
    assert (lane.why, lane.all(ConsumeAuthority)) == ("tag_in_two_lanes", [])
