"""A lane looks again at most twice where what must match was not read; then a person decides."""

from dataclasses import replace

import pytest

from edge.core.effects import PrepareRequest, Report, StartCapture
from edge.core.state import Phase
from tests.support.lane_bench import CODE, PLATE, PROFILE, LaneBench, boxes_seen

AGAIN = replace(PROFILE, recaptures=2)


def arrived(**changes: object) -> LaneBench:
    lane = LaneBench(replace(AGAIN, **changes))  # type: ignore[arg-type]
    lane.arrive()
    return lane


def wait(lane: LaneBench) -> None:
    """Let the time to identify run out."""
    lane.tick(lane.state.phase_since_ms + lane.state.profile.timing.identify_ms)


def test_d2_an_unread_vehicle_is_looked_at_three_times_and_then_held_for_a_person() -> None:
    lane = arrived()
    for number in (1, 2):
        wait(lane)
        assert lane.phase is Phase.IDENTIFYING
        assert lane.last(StartCapture).since_ms == lane.at_ms
        assert ("number", number) in lane.last(Report).fields
    assert not lane.all(PrepareRequest)
    wait(lane)
    assert lane.phase is Phase.WAITING
    assert len(lane.all(StartCapture)) == 3


def test_what_was_seen_before_does_not_count_in_the_next_look() -> None:
    lane = arrived()
    lane.read_plate(times=1)
    lane.read_container()
    lane.read_tag()
    wait(lane)
    assert lane.passage.recaptures == 1
    lane.read_plate(times=1)
    wait(lane)
    assert lane.passage.recaptures == 2, "one frame of each look is no agreement"
    lane.read_plate()
    lane.read_container()
    lane.read_tag()
    wait(lane)
    assert lane.passage.identity is not None
    assert dict(lane.passage.identity.plates)["front"].status == "read"


def test_a_conflict_is_worth_another_look() -> None:
    lane = arrived()
    lane.read_container(CODE)
    lane.read_plate(PLATE)
    lane.read_plate("京A12345")
    wait(lane)
    assert lane.passage.recaptures == 1


def test_what_need_not_match_and_what_cannot_be_looked_at_are_not_looked_at_again() -> None:
    for changes in (
        {"must_match": ("tag",)},
        {"must_match": ("rear_plate", "tag")},
        {"cameras": ()},
        {"recaptures": 0},
    ):
        lane = arrived(**changes)
        wait(lane)
        assert lane.phase is Phase.WAITING, changes


def test_d4_a_lost_camera_is_not_asked_again() -> None:
    lane = arrived()
    lane.read_container()
    lane.read_tag()
    lane.lose_device("cam-front")
    assert lane.phase is Phase.WAITING
    assert lane.passage.recaptures == 0


def test_a_person_may_still_retry_twice() -> None:
    lane = arrived(recaptures=1)
    wait(lane)
    wait(lane)
    lane.prepare()
    lane.answer("hold")
    for _ in range(2):
        lane.order("retry")
        assert lane.phase is Phase.IDENTIFYING
        wait(lane)
        lane.prepare()
        lane.answer("hold")
    lane.order("retry")
    assert lane.phase is Phase.HELD


def test_what_is_read_needs_no_second_look() -> None:
    lane = arrived()
    lane.read_plate()
    lane.read_container()
    lane.read_tag()
    assert lane.phase is Phase.WAITING
    assert lane.passage.recaptures == 0


@pytest.mark.hazard("D9")
@pytest.mark.parametrize(
    ("sizes", "reason"),
    [(("22G1", "22G1"), "order_not_seen"), (("22G1", None), "order_not_seen"), ((None, None), "order_not_seen"),
     (("45G1", None), "no_room_for_two"),
     (("22G1", "L5G1"), "no_room_for_two"), (("2210", "4310"), "no_room_for_two")],
)  # fmt: skip
def test_two_boxes_are_short_ones(sizes: tuple[str | None, str | None], reason: str | None) -> None:
    lane = LaneBench()
    lane.arrive()
    for code, size in zip((CODE, "HLXU4074106"), sizes, strict=True):
        for _ in range(2):
            lane.frame("cam-right", boxes_seen(code, size_type=size))
    lane.read_plate()
    lane.read_tag()
    wait(lane)
    assert lane.passage.identity is not None
    assert lane.passage.identity.containers.reason == reason
