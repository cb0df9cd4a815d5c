"""A plate and a tag of two vehicles (套牌) are an alarm, never a preference."""

from dataclasses import replace
from typing import Any

import pytest

from edge.core.effects import RaiseBoom
from edge.core.state import Phase
from tests.support.lane_bench import CODE, EPC, MOVING, NOTE, PLATE, UP, LaneBench

OTHER_PLATE, OTHER_TAG = "京A12345", "E20000000000000000000001"


def identified(plate: str | None, tag: str | None) -> LaneBench:
    lane = LaneBench()
    lane.arrive()
    if plate is not None:
        lane.read_plate(plate)
    lane.read_container(CODE)
    if tag is not None:
        lane.read_tag(tag)
    lane.tick(lane.state.phase_since_ms + lane.state.profile.timing.identify_ms)
    return lane


@pytest.mark.hazard("D8", "D12")
@pytest.mark.parametrize("verdict", ["release", "hold"])
@pytest.mark.parametrize(("plate", "tag"), [(PLATE, OTHER_TAG), (OTHER_PLATE, EPC)])
def test_d8_one_that_matches_and_one_that_does_not_are_an_alarm(plate: str, tag: str, verdict: str) -> None:
    lane = identified(plate, tag)
    lane.prepare()
    lane.answer(verdict, note=NOTE)
    assert lane.phase is Phase.HELD
    assert lane.alarms_raised == ["cloned_plate"]
    assert not lane.all(RaiseBoom)


@pytest.mark.parametrize(
    ("plate", "tag", "note"),
    [
        (PLATE, EPC, NOTE),
        (OTHER_PLATE, OTHER_TAG, NOTE),
        (None, EPC, NOTE),
        (PLATE, None, NOTE),
        (OTHER_PLATE, EPC, replace(NOTE, plates=())),
        (PLATE, OTHER_TAG, replace(NOTE, tag=None)),
        (PLATE, OTHER_TAG, None),
    ],
)
def test_what_agrees_or_says_nothing_is_no_clone(plate: str | None, tag: str | None, note: Any) -> None:
    lane = identified(plate, tag)
    lane.prepare()
    lane.answer("hold", note=note)
    assert not lane.alarms_raised


def test_the_alarm_ends_once_the_lane_was_proved_closed_again() -> None:
    lane = identified(OTHER_PLATE, EPC)
    lane.prepare()
    lane.answer()
    assert "cloned_plate" in lane.state.alarms
    lane.order("open")
    lane.scan()
    lane.durable()
    lane.scan(2, **MOVING)
    lane.scan(**UP)
    lane.close()
    lane.fall()
    lane.scan()
    assert lane.phase is Phase.IDLE
    assert "cloned_plate" not in lane.state.alarms
