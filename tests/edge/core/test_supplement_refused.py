"""Words that do not count: of nobody, about what was read or seen, of a vehicle that may be another one."""

from dataclasses import replace
from typing import Any

import pytest

from edge.core.effects import Identity, Report
from edge.core.events import BoxesTold, Supplemented
from edge.core.plate import parse_plate
from edge.core.profile import AuthorityProfile
from edge.core.readings import ContainerSighting, EngineResult, PictureReading, PlateClaim, PlateSighting, ToldBox
from edge.core.state import Phase
from edge.core.supplement import known
from tests.support.lane_bench import CODE, CUSTOMS, PLATE, PROFILE, LaneBench, boxes_seen, plate_seen
from tests.support.supplements import BOTH, OPENS, OTHER_CODE, TRAILER, held, look_in_vain, say

REFUSED: list[tuple[str, tuple[str, ...], dict[str, str], str]] = [
    ("nobody", (CODE,), {"operator": " "}, "nobody_named"),
    ("no_reason", (CODE,), {"reason": ""}, "nobody_named"),
    ("nothing", (), {}, "nothing_said"),
    ("misread_digit", ("CSQU3054384",), {}, "container_check"),
    ("no_digit", ("CSQU305438",), {}, "container_form"),
    ("lower_case", (CODE.lower(),), {}, "container_form"),
    ("no_code", ("MUDDY",), {}, "container_form"),
    ("three", (CODE, OTHER_CODE, "FCIU9176921"), {}, "too_many_containers"),
    ("twice", (CODE, CODE), {}, "containers_contradict"),
    ("read_plate", (), {"front": PLATE}, "already_read"),
    ("no_such_camera", (), {"rear": TRAILER}, "not_looked_for"),
]


@pytest.mark.parametrize(
    ("containers", "given", "reason"), [one[1:] for one in REFUSED], ids=[one[0] for one in REFUSED]
)
def test_words_that_do_not_count_change_nothing(
    containers: tuple[str, ...], given: dict[str, str], reason: str
) -> None:
    lane = held()
    before = lane.passage
    assert say(lane, *containers, **given) == reason
    assert (lane.phase, lane.passage) == (Phase.HELD, before)


@pytest.mark.parametrize(
    ("text", "reason"), [("粤B", "plate_form"), ("粤b f3871", "plate_form"), (TRAILER, "two_vehicles")]
)
def test_a_plate_has_to_be_one(text: str, reason: str) -> None:
    assert say(held(plate=False), front=text) == reason


def test_a_plate_is_said_once() -> None:
    lane = held(plate=False)
    lane.take(Supplemented(lane.at_ms, "chen", "mud", (("front", PLATE), ("front", "粤B00000"))))
    assert dict(lane.last(Report).fields)["reason"] == "plate_form"


def test_a_word_about_a_vehicle_that_has_left_is_none_about_the_next() -> None:
    lane = held(plate=False)
    looked_at = lane.passage.id
    lane.scan(3, arrival_loop=False)
    words = (("front", PLATE),)
    lane.take(Supplemented(lane.at_ms, "chen", "mud", words, passage=looked_at))
    assert dict(lane.last(Report).fields)["reason"] == "another_passage"
    lane.arrive()
    lane.read_tag()
    look_in_vain(lane)
    lane.prepare()
    lane.answer("release")
    assert lane.phase is Phase.HELD
    lane.take(Supplemented(lane.at_ms, "chen", "mud", words, passage=looked_at))
    assert (lane.phase, dict(lane.last(Report).fields)["reason"]) == (Phase.HELD, "another_passage")
    lane.take(Supplemented(lane.at_ms, "chen", "mud", words, (CODE,), lane.passage.id))
    assert lane.phase is Phase.WAITING


@pytest.mark.hazard("D8")
def test_a_word_settles_no_contradiction() -> None:
    lane = LaneBench(OPENS)
    lane.arrive()
    lane.read_container()
    lane.read_container(OTHER_CODE)
    lane.read_plate()
    lane.read_plate("粤B00000")
    look_in_vain(lane)
    lane.prepare()
    lane.answer("hold")
    assert lane.passage.identity is not None
    assert lane.passage.identity.containers.status == "read"
    assert say(lane, CODE) == "already_read"
    assert say(lane, front=PLATE) == "conflict"


def test_a_word_settles_no_contradiction_of_boxes() -> None:
    lane = LaneBench(OPENS)
    lane.arrive()
    lane.read_container()
    lane.frame("cam-right", boxes_seen(OTHER_CODE))
    look_in_vain(lane)
    lane.prepare()
    lane.answer("hold")
    assert say(lane, CODE) == "conflict"


@pytest.mark.hazard("D6", "D7")
def test_nobody_says_other_than_what_a_picture_showed() -> None:
    assert say(held(cam_right=boxes_seen(OTHER_CODE)), CODE) == "lane_saw_other_container"
    assert say(held(cam_right=boxes_seen(CODE)), CODE) == "asked"
    assert say(held(plate=False, cam_front=plate_seen("粤B00000")), front=PLATE) == "lane_saw_other_plate"
    # One or two characters are what a reader mistakes.
    assert say(held(plate=False, cam_front=plate_seen("粤BF3877")), front=PLATE) == "asked"


def test_what_a_camera_or_an_engine_claims_speaks_against_words() -> None:
    other = parse_plate("粤B00000")
    assert other is not None
    lane = LaneBench(replace(OPENS, container_engine="engine-1"))
    lane.arrive()
    lane.frame("cam-front", PictureReading(), claim=PlateClaim(other, 0.4))
    box = boxes_seen(OTHER_CODE).containers[0]
    assert isinstance(box, ContainerSighting)
    weak = replace(lane.state.profile, engine_min_confidence=0.9)
    lane.state = replace(lane.state, profile=weak)
    lane.take(BoxesTold(lane.at_ms, EngineResult("r1", (ToldBox(box.container, 0.2),), lane.at_ms)))
    look_in_vain(lane)
    lane.prepare()
    lane.answer("hold")
    assert say(lane, CODE) == "lane_saw_other_container"
    assert say(lane, front=PLATE) == "lane_saw_other_plate"


def test_the_trailers_plate_is_no_other_plate_and_can_be_said_too() -> None:
    trailer = parse_plate(TRAILER)
    assert trailer is not None
    both = PictureReading(plates=(PlateSighting(trailer, 0.6, (0, 0, 40, 20)),))
    lane = held(BOTH, plate=False, cam_front=both)
    assert say(lane, front=PLATE, rear=TRAILER) == "asked"
    assert known(lane.passage.identity or Identity(), lane.passage.supplement).plates[1][1].value is not None


def test_where_nothing_looks_for_boxes_nobody_says_one() -> None:
    lane = held(replace(OPENS, cameras=PROFILE.cameras[:1], must_match=("front_plate", "containers")))
    assert say(lane, CODE) == "not_looked_for"


@pytest.mark.hazard("P19")
def test_a_vehicle_that_was_not_watched_may_be_another_one() -> None:
    lane = held()
    lane.lose_inputs()
    assert say(lane, CODE) == "vehicle_not_watched"
    lane.scan()
    assert lane.phase is Phase.HELD
    assert say(lane, CODE) == "vehicle_not_watched"
    lane.order("retry")
    assert lane.phase is Phase.IDENTIFYING


@pytest.mark.hazard("X3")
@pytest.mark.hazard("C15", "P19")
def test_a_vehicle_that_nobody_watched_while_the_controller_was_suspended_may_be_another_one() -> None:
    lane = held()
    lane.at_ms += 1_900
    lane.scan()
    watched = lane.state
    assert say(lane, CODE) == "asked", "nobody leaves and is followed in so short a time"
    lane.state = watched
    lane.at_ms += 5_000
    assert say(lane, CODE) == "vehicle_not_watched", "nothing is known of it now"
    lane.scan()
    assert say(lane, CODE) == "vehicle_not_watched"
    lane.scan(100)
    assert say(lane, CODE) == "vehicle_not_watched"


def test_words_that_cannot_be_recorded_do_not_count() -> None:
    lane = held()
    lane.state = replace(lane.state, journal_lost=True)
    assert say(lane, CODE) == "journal_lost"


def test_who_is_to_be_inspected_is_not_talked_out_of_it() -> None:
    lane = LaneBench(OPENS)
    lane.arrive()
    lane.read_plate()
    lane.read_tag()
    look_in_vain(lane)
    lane.prepare()
    lane.answer("refer", target="nii")
    assert say(lane, CODE) == "referred"


def test_who_one_of_several_wants_to_inspect_is_not_talked_out_of_it_by_a_turn_of_the_mode() -> None:
    lane = LaneBench(replace(OPENS, authorities=(CUSTOMS, AuthorityProfile("port", 5_000))))
    lane.arrive()
    lane.read_plate()
    lane.read_tag()
    look_in_vain(lane)
    lane.prepare()
    lane.answer("refer", target="nii")
    lane.order_mode("EMERGENCY_HOLD")
    lane.order_mode("NORMAL")
    assert (lane.phase, lane.passage.decision) == (Phase.HELD, "hold")
    assert say(lane, CODE) == "referred"


@pytest.mark.parametrize("mode", ["EMERGENCY_HOLD", "MAINTENANCE", "DRILL", "HEIGHTENED"])
def test_a_mode_that_turned_leaves_it_to_who_opens(mode: Any) -> None:
    lane = held()
    lane.order_mode(mode)
    assert say(lane, CODE) == "not_decided_here"


def test_a_vehicle_that_was_held_unidentified_is_not_decided_by_words() -> None:
    lane = LaneBench(OPENS)
    lane.order_mode("MAINTENANCE")
    lane.arrive()
    lane.order_mode("NORMAL")
    assert lane.phase is Phase.HELD
    assert say(lane, CODE) == "not_decided_here"
