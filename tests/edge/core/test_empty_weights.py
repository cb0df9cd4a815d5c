"""An empty chassis and a truck without one: told apart by the scale, where the site says what they weigh."""

from dataclasses import replace

import pytest

from edge.core.cargo import CargoClass, EmptyWeights, cargo_class
from edge.core.container import parse_container
from edge.core.effects import EndPassage, PrepareRequest
from edge.core.events import Weighed
from edge.core.policy import mismatches
from edge.core.profile import LaneProfile
from edge.core.readings import Identity, Reading, Weight
from edge.core.state import Phase
from edge.core.supplement import Supplement
from edge.core.weight import Weighing, unless_heavier
from tests.edge.core.test_policy import answered
from tests.support.lane_bench import CODE, NOTE, PROFILE, LaneBench

LIMITS = EmptyWeights(truck_most_kg=10_000, chassis_least_kg=11_500, chassis_most_kg=17_000)
WITH_SCALE = replace(PROFILE, weighbridge="scale-1", empty_weights=LIMITS)
UNWEIGHED: Reading[Weight] = Reading("unread", reason="moving")
EMPTY = replace(NOTE, containers=())


def weighing(kg: int) -> Reading[Weight]:
    return Reading("read", Weight(kg), 1.0)


def identity(weight: Reading[Weight], *codes: str, status: str = "read") -> Identity:
    boxes = tuple(found for code in codes if (found := parse_container(code)))
    return Identity(containers=Reading(status, boxes, 0.9), weight=weight)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("kg", "expected"),
    [
        (1, "empty_truck"), (10_000, "empty_truck"), (10_001, "empty"), (11_499, "empty"),
        (11_500, "empty_chassis"), (17_000, "empty_chassis"),
    ],
)  # fmt: skip
def test_what_an_empty_vehicle_weighs_says_what_it_is(kg: int, expected: CargoClass) -> None:
    assert cargo_class("container", identity(weighing(kg)), LIMITS) == expected


def test_without_a_weight_or_without_the_sites_figures_nothing_is_told_apart() -> None:
    assert cargo_class("container", identity(UNWEIGHED), LIMITS) == "empty"
    assert cargo_class("container", identity(weighing(14_000))) == "empty"
    assert cargo_class("container", identity(weighing(14_000)), None) == "empty"


def test_a_weight_alone_never_says_that_a_vehicle_is_empty() -> None:
    """Whatever it weighs: without the cameras' word it is not known, and with a box it is loaded, or the box empty."""
    unread = Identity(containers=Reading("unread", reason="dark"), weight=weighing(9_000))
    assert cargo_class("container", unread, LIMITS) == "unknown"
    assert cargo_class("container", identity(weighing(9_000), CODE), LIMITS) == "container_one"


@pytest.mark.parametrize("traffic", ["general", "bulk", "car", "bus"])
def test_other_traffic_is_not_judged_by_it(traffic: str) -> None:
    expected = cargo_class(traffic, identity(weighing(9_000)))  # type: ignore[arg-type]
    assert cargo_class(traffic, identity(weighing(9_000)), LIMITS) == expected  # type: ignore[arg-type]


def test_one_that_weighs_more_than_any_empty_one_is_not_read_as_empty() -> None:
    seen_empty: Reading[tuple[()]] = Reading("read", (), 0.9, evidence=("a" * 64,))
    heavier = unless_heavier(seen_empty, weighing(17_001), LIMITS)
    assert heavier == Reading("unread", reason="heavier_than_empty", evidence=("a" * 64,))
    assert unless_heavier(seen_empty, weighing(17_000), LIMITS) is seen_empty
    assert unless_heavier(seen_empty, weighing(17_001), None) is seen_empty
    assert unless_heavier(seen_empty, UNWEIGHED, LIMITS) is seen_empty


def test_a_box_that_was_read_and_one_that_was_not_are_no_matter_of_weight() -> None:
    boxes = identity(weighing(40_000), CODE).containers
    assert unless_heavier(boxes, weighing(40_000), LIMITS) is boxes
    dark = Identity().containers
    assert unless_heavier(dark, weighing(40_000), LIMITS) is dark


# --- in the lane -------------------------------------------------------------------------------------------------


def stands_empty(lane: LaneBench, kg: int | None, *, tid: str | None = None) -> LaneBench:
    """A vehicle comes on which no box is seen, weighs so much, and its request goes out."""
    lane.arrive()
    lane.read_plate()
    lane.read_tag(tid=tid)
    if kg is not None:
        lane.take(Weighed(lane.at_ms, Weighing("stable", kg, lane.at_ms)))
    lane.read_empty(times=6)
    if lane.phase is Phase.IDENTIFYING:
        lane.scan(lane.state.profile.timing.identify_ms // 50 + 1)
        lane.tick()
    lane.prepare()
    return lane


def empty_vehicle(kg: int | None, profile: LaneProfile = WITH_SCALE) -> LaneBench:
    return stands_empty(LaneBench(profile), kg)


@pytest.mark.hazard("D9")
@pytest.mark.parametrize(
    ("kg", "expected"), [(9_000, "empty_truck"), (14_200, "empty_chassis"), (10_700, "empty"), (None, "empty")]
)
def test_its_terminal_record_says_what_it_was(kg: int | None, expected: CargoClass) -> None:
    lane = empty_vehicle(kg)
    lane.answer(note=EMPTY)
    assert lane.phase is Phase.CONSUMING
    lane.durable()
    lane.scan(2, boom_up=False, boom_down=False)
    lane.scan(boom_up=True)
    lane.close()
    lane.fall()
    assert (lane.ended, lane.last(EndPassage).cargo_class) == (["PASSED"], expected)


@pytest.mark.hazard("D9")
@pytest.mark.parametrize("noted", [EMPTY, NOTE], ids=["empty", "with_a_box"])
def test_a_heavy_vehicle_without_a_box_passes_by_no_note(noted: object) -> None:
    """A box that no camera saw, or a load that is none: a person looks."""
    lane = empty_vehicle(36_000)
    assert lane.all(PrepareRequest)[-1].identity.containers.reason == "heavier_than_empty"
    lane.answer(note=noted)  # type: ignore[arg-type]
    assert (lane.phase, lane.passage.reasons) == (Phase.HELD, ("mismatch_containers",))


@pytest.mark.hazard("D9")
@pytest.mark.parametrize("noted", [EMPTY, NOTE], ids=["empty", "with_a_box"])
def test_nor_where_boxes_need_not_match(noted: object) -> None:
    """What is seen and what weighs contradict each other: that is no box which merely was not read."""
    lane = empty_vehicle(36_000, replace(WITH_SCALE, must_match=("front_plate",)))
    lane.answer(note=noted)  # type: ignore[arg-type]
    assert (lane.phase, lane.passage.reasons) == (Phase.HELD, ("mismatch_containers",))


def test_a_person_may_say_which_box_it_is() -> None:
    words = Supplement("chen", "looked", containers=(CODE,))
    heavy = replace(identity(weighing(36_000)), containers=Reading("unread", reason="heavier_than_empty"))
    asked = answered("release")
    assert "mismatch_containers" in mismatches(WITH_SCALE, heavy, asked)
    assert "mismatch_containers" not in mismatches(WITH_SCALE, heavy, asked, words)


def test_without_the_sites_figures_it_passes_as_before() -> None:
    lane = empty_vehicle(36_000, replace(WITH_SCALE, empty_weights=None))
    lane.answer(note=EMPTY)
    assert lane.phase is Phase.CONSUMING
