"""D10: two lanes of one box, real cores, and a tag that both readers see."""

from dataclasses import replace

import pytest

from edge.core.events import Event, TagElsewhere
from edge.core.readings import TagSighting
from edge.core.tag import Tag
from edge.runtime.shared_tags import SharedTags
from tests.support.clocks import StoodClock
from tests.support.lane_bench import EPC, PROFILE

CLOCK_MS = 1_000
OTHER = "E2801160600002064B6C1F4A"


class Yard:
    """Lanes with what each was told."""

    def __init__(self, lanes: int = 2, *, min_rssi_dbm: int | None = None) -> None:
        self.clock = StoodClock()
        self.told: list[list[Event]] = [[] for _ in range(lanes)]
        shared = SharedTags(self.clock)
        self.lanes = [
            shared.join(replace(PROFILE, lane=f"lane-{number}", tag_min_rssi_dbm=min_rssi_dbm), told.append)
            for number, told in enumerate(self.told)
        ]
        for lane in self.lanes:
            lane.begin()

    def sight(self, lane: int, epc: str = EPC, rssi_dbm: int = -50) -> None:
        self.lanes[lane].sighted(TagSighting(Tag(epc), 0, rssi_dbm, self.clock.ms))

    @property
    def heard(self) -> list[list[str]]:
        """Which lanes each lane was told of."""
        return [[one.lane for one in told if isinstance(one, TagElsewhere)] for told in self.told]


@pytest.mark.hazard("D10", "D12")
def test_both_lanes_hear_of_a_tag_that_both_see_once() -> None:
    yard = Yard()
    yard.sight(0)
    assert yard.heard == [[], []]
    for _ in range(50):
        yard.sight(1)
        yard.sight(0)
    assert yard.heard == [["lane-1"], ["lane-0"]]


@pytest.mark.hazard("D10")
@pytest.mark.parametrize("leak_percent", range(0, 61, 20))
def test_sightings_that_are_too_weak_for_their_own_lane_are_no_leak_for_the_other(leak_percent: int) -> None:
    yard = Yard(min_rssi_dbm=-60)
    for number in range(100):
        yard.sight(0)
        if number < leak_percent:
            yard.sight(1, rssi_dbm=-70)
        yard.sight(1, OTHER)
    assert yard.heard == [[], []]


@pytest.mark.hazard("D10")
@pytest.mark.parametrize(("later_ms", "heard"), [(5_000, True), (5_001, False)])
def test_a_tag_stays_with_its_vehicle_until_that_is_done_with_and_a_moment_longer(later_ms: int, heard: bool) -> None:
    yard = Yard()
    yard.sight(0)
    yard.clock.ms += 600_000
    yard.lanes[0].ended()
    yard.clock.ms += later_ms
    yard.sight(1)
    assert yard.heard == ([["lane-1"], ["lane-0"]] if heard else [["lane-1"], []]), "who has left hears in vain"


@pytest.mark.hazard("D10")
def test_while_the_first_vehicle_stands_there_its_tag_is_there_too() -> None:
    yard = Yard()
    yard.sight(0)
    yard.clock.ms += 600_000
    yard.sight(1)
    assert yard.heard == [["lane-1"], ["lane-0"]]


def test_the_next_vehicle_begins_anew() -> None:
    yard = Yard()
    yard.sight(0)
    yard.sight(1)
    yard.lanes[0].begin()
    yard.sight(1)
    assert yard.heard == [["lane-1"], ["lane-0"]], "the neighbour's tag alone is nothing new"
    yard.sight(0)
    assert yard.heard == [["lane-1", "lane-1"], ["lane-0"]]


def test_three_lanes_hear_of_each_other() -> None:
    yard = Yard(3)
    for number in range(3):
        yard.sight(number)
    assert yard.heard == [["lane-1", "lane-2"], ["lane-0", "lane-2"], ["lane-0", "lane-1"]]


@pytest.mark.hazard("D13")
def test_a_pallet_of_tags_is_bounded() -> None:
    yard = Yard()
    for lane in (0, 1):
        for number in range(1_000):
            yard.sight(lane, f"E200{number:04X}")
    assert len(yard.heard[0]) == 16
