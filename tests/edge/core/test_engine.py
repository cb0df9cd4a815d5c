"""Container codes of an engine of somebody else: our own check, our own rules, and never preferred to our cameras."""

from dataclasses import replace

import pytest

from edge.core.container import Container, parse_container
from edge.core.draft import Draft
from edge.core.effects import PrepareRequest
from edge.core.engine import MOST_RESULTS
from edge.core.engine_results import begin_results
from edge.core.events import BoxesTold
from edge.core.profile import CameraProfile, LaneProfile
from edge.core.readings import BoxPlace, EngineResult, Reading, ToldBox
from edge.core.state import Phase
from tests.support.lane_bench import CODE, PROFILE, LaneBench, boxes_seen

OTHER, THIRD = "TCLU4254260", "HLXU4074106"
ENGINE = "engine-1"
BESIDE = replace(
    PROFILE, cameras=(CameraProfile("cam-right", "right", ("container",)),), must_match=("containers",),
    container_engine=ENGINE, engine_min_confidence=0.8, tag_reader=None,
)  # fmt: skip
ALONE = replace(BESIDE, cameras=())
Told = tuple[str, BoxPlace | None]


def box(code: str, place: BoxPlace | None = None, confidence: float = 0.9) -> ToldBox:
    container = parse_container(code)
    assert container is not None
    return ToldBox(container, confidence, place)


def tell(lane: LaneBench, *boxes: ToldBox, name: str | None = None, captured_ms: int | None = None) -> None:
    at_ms = lane.at_ms if captured_ms is None else captured_ms
    lane.take(BoxesTold(lane.at_ms, EngineResult(name or f"r{lane.at_ms}-{len(boxes)}", boxes, at_ms)))


def arrived(profile: LaneProfile = ALONE) -> LaneBench:
    lane = LaneBench(profile)
    lane.arrive()
    return lane


def wait(lane: LaneBench) -> None:
    """Let the time to identify run out."""
    lane.scan(ALONE.timing.identify_ms // 50 + 1)
    lane.tick()


def asked(lane: LaneBench) -> Reading[tuple[Container, ...]]:
    boxes = lane.all(PrepareRequest)[-1].identity.containers
    assert isinstance(boxes, Reading)
    return boxes


def codes(reading: Reading[tuple[Container, ...]]) -> list[str]:
    return [one.code for one in reading.value or ()]


def test_alone_its_word_is_the_reading() -> None:
    lane = arrived()
    assert lane.phase is Phase.IDENTIFYING
    tell(lane, box(CODE))
    assert lane.phase is Phase.WAITING
    assert (codes(asked(lane)), asked(lane).confidence, asked(lane).reason) == ([CODE], 0.9, None)


@pytest.mark.parametrize(
    ("boxes", "reason"),
    [
        ((), "no_code"),
        ((box("CSQU3054388"),), "check_digit"),
        # The digit was not painted, or not read: whoever computes it has checked nothing.
        ((box("CSQU305438"),), "check_digit"),
        ((box(CODE), box("CSQU3054388")), "check_digit"),
        ((box(CODE, confidence=0.79),), "low_confidence"),
    ],
)
def test_only_what_our_own_check_verified_is_a_reading(boxes: tuple[ToldBox, ...], reason: str) -> None:
    lane = arrived()
    tell(lane, *boxes)
    assert lane.phase is Phase.IDENTIFYING
    wait(lane)
    assert (asked(lane).status, asked(lane).reason) == ("unread", reason)
    lane.prepare()
    lane.answer("release", note=replace(lane.grant().note, plates=(), tag=None))  # type: ignore[arg-type]
    assert (lane.phase, lane.passage.reasons) == (Phase.HELD, ("unread_containers",))


@pytest.mark.parametrize(
    ("told", "read", "reason"),
    [
        (((CODE, "front"), (OTHER, "rear")), [CODE, OTHER], None),
        (((CODE, "rear"), (OTHER, "front")), [OTHER, CODE], None),
        (((CODE, None), (OTHER, None)), [CODE, OTHER], "order_not_seen"),
        (((CODE, "front"), (OTHER, None)), [CODE, OTHER], "order_not_seen"),
        (((CODE, "front"), (OTHER, "front")), [CODE, OTHER], "order_not_seen"),
    ],
)
def test_two_boxes_have_an_order_where_the_engine_tells_it(
    told: tuple[Told, ...], read: list[str], reason: str | None
) -> None:
    lane = arrived()
    tell(lane, *(box(*one) for one in told))
    assert (codes(asked(lane)), asked(lane).reason) == (read, reason)


@pytest.mark.parametrize(
    ("boxes", "reason"),
    [((CODE, OTHER, THIRD), "too_many_codes"), ((CODE, CODE), "views_disagree")],
)
def test_boxes_that_cannot_be_of_one_vehicle_are_a_conflict(boxes: tuple[str, ...], reason: str) -> None:
    lane = arrived()
    tell(lane, *(box(code) for code in boxes))
    assert (asked(lane).status, asked(lane).reason) == ("conflict", reason)


def two(lane: LaneBench, first: tuple[ToldBox, ...], second: tuple[ToldBox, ...]) -> None:
    """Two results before the lane concludes."""
    tell(lane, *first, name="a")
    tell(lane, *second, name="b")
    lane.read_plate()
    wait(lane)


SLOW = replace(ALONE, cameras=(CameraProfile("cam-front", "front", ("plate",)),))


def test_two_results_that_differ_are_a_conflict() -> None:
    lane = arrived(SLOW)
    two(lane, (box(CODE),), (box(OTHER),))
    assert (asked(lane).status, asked(lane).reason) == ("conflict", "results_disagree")
    lane = arrived(SLOW)
    two(lane, (box(CODE, "front"), box(OTHER, "rear")), (box(CODE, "rear"), box(OTHER, "front")))
    assert (asked(lane).status, asked(lane).reason) == ("conflict", "order_disagrees")


def test_a_result_that_corrects_an_unclear_one_counts_and_the_same_again_is_the_same() -> None:
    lane = arrived(SLOW)
    two(lane, (box("CSQU3054388"),), (box(CODE), box(OTHER)))
    assert codes(asked(lane)) == [CODE, OTHER]
    lane = arrived(SLOW)
    for number in range(MOST_RESULTS + 4):
        tell(lane, name=f"r{number // 2}")
    assert len(lane.passage.results) == (MOST_RESULTS + 4) // 2
    for number in range(MOST_RESULTS + 4):
        tell(lane, name=f"s{number}")
    assert len(lane.passage.results) == MOST_RESULTS


@pytest.mark.hazard("D3")
def test_a_result_of_pictures_from_before_the_vehicle_came_is_not_its_own() -> None:
    lane = arrived()
    tell(lane, box(CODE), captured_ms=lane.passage.opened_at_ms - 1)
    assert (lane.phase, lane.passage.results) == (Phase.IDENTIFYING, ())
    wait(lane)
    assert asked(lane).reason == "no_result"
    tell(lane, box(CODE))
    assert lane.passage.results == (), "what comes behind the conclusion is for a retry"


@pytest.mark.hazard("D3")
@pytest.mark.parametrize(("early_ms", "counts"), [(0, True), (1, False)])
def test_what_was_told_while_the_loop_settled_is_the_vehicles_and_nothing_older(early_ms: int, counts: bool) -> None:
    lane = LaneBench(replace(ALONE, timing=replace(ALONE.timing, arrival_debounce_ms=200)))
    lane.scan(arrival_loop=True)
    assert lane.phase is Phase.IDLE
    tell(lane, box(OTHER), captured_ms=lane.at_ms)
    tell(lane, box(CODE), captured_ms=lane.at_ms - early_ms)
    lane.scan(5)
    assert lane.phase is Phase.IDENTIFYING
    assert len(lane.passage.results) == counts
    assert lane.state.result is None
    lane.tick(lane.at_ms)
    assert lane.phase is (Phase.WAITING if counts else Phase.IDENTIFYING)


@pytest.mark.hazard("D3")
def test_a_late_result_of_the_vehicle_before_is_not_the_next_ones_though_the_loop_had_no_gap() -> None:
    lane = arrived()
    late = EngineResult("late", (box(CODE),), 500)
    state = replace(lane.state, arrival_since_ms=0, result=late)
    for identified_ms, counts in ((None, True), (499, True), (500, False)):
        draft = Draft(replace(state, identified_ms=identified_ms), 1_000)
        begin_results(draft)
        assert (len(draft.passage.results), draft.state.result) == (counts, None)


def test_a_person_who_opens_without_a_vehicle_begins_a_passage_of_now() -> None:
    lane = LaneBench(ALONE)
    lane.order("open")
    assert lane.passage.stood_since_ms == lane.at_ms


def test_a_lost_engine_is_not_waited_for() -> None:
    lane = LaneBench(ALONE)
    lane.lose_device(ENGINE)
    lane.arrive()
    lane.tick()
    assert asked(lane).reason == "device_lost"


def seen(lane: LaneBench, *found: str) -> None:
    for _ in range(BESIDE.cameras[0].frames_max):
        lane.frame("cam-right", boxes_seen(*found))


@pytest.mark.parametrize(
    ("ours", "theirs", "status", "reason", "read"),
    [
        ((CODE,), (CODE,), "read", None, [CODE]),
        ((CODE,), (OTHER,), "conflict", "engine_disagrees", []),
        ((CODE,), (CODE, OTHER), "conflict", "engine_disagrees", []),
        ((CODE, OTHER), (OTHER, CODE), "read", None, [OTHER, CODE]),
        ((), (CODE,), "read", None, [CODE]),
        ((CODE,), (), "read", None, [CODE]),
        ((CODE, OTHER, THIRD), (CODE,), "conflict", "too_many_codes", []),
        ((CODE,), (CODE, OTHER, THIRD), "conflict", "too_many_codes", []),
    ],
)
@pytest.mark.hazard("D8")
def test_beside_cameras_both_have_to_agree_where_both_read(
    ours: tuple[str, ...], theirs: tuple[str, ...], status: str, reason: str | None, read: list[str]
) -> None:
    lane = arrived(BESIDE)
    # A right view has the front of the vehicle at its right.
    tell(lane, *(box(code) for code in theirs))
    seen(lane, *ours)
    wait(lane)
    assert (asked(lane).status, asked(lane).reason, codes(asked(lane))) == (status, reason, read)
    assert bool(asked(lane).evidence) is bool(ours), "the pictures are ours"


@pytest.mark.hazard("D8")
@pytest.mark.parametrize(("ours", "status", "reason"), [(OTHER, "conflict", "code_seen_once"), (CODE, "read", None)])
def test_another_code_that_one_frame_of_ours_verified_is_a_conflict(ours: str, status: str, reason: str | None) -> None:
    lane = arrived(BESIDE)
    tell(lane, box(CODE))
    lane.frame("cam-right", boxes_seen(ours))
    wait(lane)
    assert (asked(lane).status, asked(lane).reason) == (status, reason)


@pytest.mark.parametrize(
    ("places", "camera", "status", "read"),
    [
        (("front", "rear"), "right", "conflict", []),
        (("rear", "front"), "right", "read", [OTHER, CODE]),
        (("front", "rear"), "top", "read", [CODE, OTHER]),
        ((None, None), "top", "read", [CODE, OTHER]),
    ],
)
def test_the_order_is_whose_it_was_seen_by(
    places: tuple[BoxPlace | None, ...], camera: str, status: str, read: list[str]
) -> None:
    views = (CameraProfile("cam-right", camera, ("container",)),)
    lane = arrived(replace(BESIDE, cameras=views))
    tell(lane, box(CODE, places[0]), box(OTHER, places[1]))
    seen(lane, CODE, OTHER)
    wait(lane)
    assert (asked(lane).status, codes(asked(lane))) == (status, read)
    assert asked(lane).reason == (
        "order_disagrees" if status == "conflict" else None if places[0] else "order_not_seen"
    )


def test_an_empty_vehicle_that_the_engine_saw_a_box_on_is_a_conflict() -> None:
    lane = arrived(BESIDE)
    lane.read_empty(times=BESIDE.cameras[0].frames_max)
    tell(lane, box(CODE))
    wait(lane)
    assert (asked(lane).status, asked(lane).reason) == ("conflict", "engine_disagrees")


def test_another_look_keeps_the_result_and_a_retry_wants_a_new_one() -> None:
    lane = arrived(replace(ALONE, cameras=PROFILE.cameras[:1], must_match=("front_plate",), recaptures=1))
    tell(lane, box(CODE))
    wait(lane)
    assert (lane.passage.recaptures, len(lane.passage.results)) == (1, 1)
    wait(lane)
    lane.prepare()
    lane.answer("release")
    lane.order("retry")
    assert (lane.phase, lane.passage.results) == (Phase.IDENTIFYING, ())


def test_in_heightened_mode_a_lane_with_an_engine_demands_containers() -> None:
    lane = LaneBench(replace(ALONE, must_match=("tag",), tag_reader="reader"))
    lane.order_mode("HEIGHTENED")
    lane.arrive()
    lane.read_tag()
    wait(lane)
    lane.prepare()
    lane.answer("release")
    assert (lane.phase, lane.passage.reasons) == (Phase.HELD, ("unread_containers",))
