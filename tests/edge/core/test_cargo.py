"""The class of a passage's cargo follows from the lane's traffic and from what was read, and names nobody."""

from dataclasses import replace
from typing import get_args

import pytest

from edge.core.cargo import CargoClass, Traffic, cargo_class
from edge.core.container import parse_container
from edge.core.effects import EndPassage
from edge.core.readings import Identity, Reading
from edge.runtime.records import outbox_event
from tests.support.lane_bench import CODE, PROFILE, LaneBench

OTHER = "HLXU4074106"


def of(*boxes: tuple[str, str | None]) -> Identity:
    read = tuple(parse_container(code, size_type) for code, size_type in boxes)
    return Identity(containers=Reading("read", read, 0.9))  # type: ignore[arg-type]


UNREAD = Identity(containers=Reading("unread", reason="dark"))
CONFLICT = Identity(containers=Reading("conflict", candidates=((),), reason="views_disagree"))


@pytest.mark.parametrize(
    ("identity", "expected"),
    [
        (of((CODE, None)), "container_one"),
        (of((CODE, "45G1")), "container_one"),
        (of((CODE, "4310")), "container_one"),
        (of((CODE, "22V2")), "container_one"),
        (of((CODE, "22G1"), (OTHER, "22G1")), "container_two"),
        (of((CODE, None), (OTHER, "22T1")), "container_two"),
        (of((CODE, "22R1"), (OTHER, "22T1")), "container_two"),
        (of((CODE, "22T1"), (OTHER, "22T1")), "tank"),
        (of((CODE, "22T1")), "tank"),
        (of((CODE, "2270")), "tank"),
        (of((CODE, "22P1")), "flat_rack"),
        (of((CODE, "2261")), "flat_rack"),
        (of((CODE, "45R1")), "reefer"),
        (of((CODE, "22H0")), "reefer"),
        (of((CODE, "2230")), "reefer"),
        (of((CODE, "22U1")), "open_top"),
        (of((CODE, "4351")), "open_top"),
        (of((CODE, "22B0")), "bulk_container"),
        (of((CODE, "2280")), "bulk_container"),
        (of(), "empty"),
        (UNREAD, "unknown"),
        (CONFLICT, "unknown"),
        (Identity(), "unknown"),
    ],
)
def test_a_container_lane_tells_by_what_was_read(identity: Identity, expected: CargoClass) -> None:
    assert cargo_class("container", identity) == expected


@pytest.mark.parametrize(
    ("identity", "expected"),
    [
        (of((CODE, "45G1")), "container_one"),
        (of(), "general"),
        (Identity(), "general"),
        (UNREAD, "unknown"),
        (CONFLICT, "unknown"),
    ],
)
def test_a_general_lane_knows_general_cargo_where_no_box_is_or_none_is_looked_for(
    identity: Identity, expected: CargoClass
) -> None:
    assert cargo_class("general", identity) == expected


@pytest.mark.parametrize("traffic", ["bulk", "car", "bus"])
@pytest.mark.parametrize("identity", [UNREAD, Identity(), of((CODE, None))])
def test_a_lane_of_one_kind_of_vehicle_has_one_class(traffic: Traffic, identity: Identity) -> None:
    assert cargo_class(traffic, identity) == traffic


@pytest.mark.parametrize("direction", ["in", "out"])
def test_the_terminal_record_and_its_event_carry_class_and_direction(direction: str) -> None:
    lane = LaneBench(replace(PROFILE, direction=direction))  # type: ignore[arg-type]
    lane.open()
    lane.close()
    lane.fall()
    ended = lane.last(EndPassage)
    assert (ended.cargo_class, ended.direction) == ("container_one", direction)
    data = outbox_event(ended).data
    assert (data["cargo_class"], data["direction"]) == ("container_one", direction)


def test_whoever_left_unread_is_of_unknown_class() -> None:
    lane = LaneBench()
    lane.arrive()
    lane.scan(arrival_loop=False)
    assert lane.last(EndPassage).cargo_class == "unknown"
    assert "unknown" in get_args(CargoClass)


@pytest.mark.hazard("D9")
@pytest.mark.parametrize(("looks", "carries"), [(2, "unknown"), (6, "empty")])
def test_a_vehicle_that_left_before_the_cameras_had_looked_is_no_empty_one(looks: int, carries: str) -> None:
    """Nothing was concluded yet: that no box is there is believed last, in the record too."""
    lane = LaneBench()
    lane.arrive()
    lane.read_empty(times=looks)
    lane.scan(arrival_loop=False)
    end = lane.last(EndPassage)
    assert (end.terminal, end.cargo_class) == ("ABANDONED", carries)
    assert (end.identity.containers.status == "read") is (carries == "empty")
