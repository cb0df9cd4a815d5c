"""The seals of a passage: told as fact, an open one never passed by itself, the counts compared with the note."""

from dataclasses import replace

import pytest

from edge.core.effects import PrepareRequest
from edge.core.events import DeviceBack, SealsSeen
from edge.core.grant import NotedSeal
from edge.core.observe import UNWATCHED_MS
from edge.core.offline import _unclear
from edge.core.profile import LaneProfile
from edge.core.readings import Identity, Reading, Seal
from edge.core.seal import SEAL_OPEN, SEAL_OPENED, SealsInField
from edge.core.state import Phase
from tests.support.lane_bench import NOTE, PROFILE, LaneBench

READER = "seal-1"
WITH_READER = replace(PROFILE, cameras=(), must_match=("tag",), seal_reader=READER)
SEAL, OTHER = Seal("CNSEAL0001", True, 3, 87), Seal("CNSEAL0002", True)
NOTED = replace(NOTE, plates=(), containers=(), seals=(NotedSeal(SEAL.id, 3),))


def see(lane: LaneBench, *seals: Seal) -> None:
    lane.take(SealsSeen(lane.at_ms, SealsInField(seals, lane.at_ms)))


def wait(lane: LaneBench) -> None:
    """Let the time to identify run out."""
    lane.scan(WITH_READER.timing.identify_ms // 50 + 1)
    lane.tick()


def arrived(profile: LaneProfile = WITH_READER) -> LaneBench:
    lane = LaneBench(profile)
    lane.arrive()
    lane.read_tag()
    return lane


def asked(lane: LaneBench) -> Reading[tuple[Seal, ...]]:
    seals = lane.all(PrepareRequest)[-1].identity.seals
    assert isinstance(seals, Reading)
    return seals


def answered(lane: LaneBench, **changes: object) -> tuple[Phase, tuple[str, ...]]:
    lane.prepare()
    lane.answer("release", **changes)
    return lane.phase, lane.passage.reasons


def test_a_lane_with_a_reader_waits_for_the_seals_and_asks_with_them() -> None:
    lane = arrived()
    assert lane.phase is Phase.IDENTIFYING
    see(lane, SEAL, OTHER)
    assert asked(lane) == Reading("read", (SEAL, OTHER), 1.0)
    assert answered(lane) == (Phase.CONSUMING, ())


def test_a_lane_without_a_reader_looks_for_none_and_opens_for_no_note_that_names_one() -> None:
    lane = arrived(replace(WITH_READER, seal_reader=None))
    assert asked(lane) == Reading("unread", reason="not_looked_for")
    assert answered(lane, note=NOTED) == (Phase.HELD, ("unread_seals",))


@pytest.mark.parametrize("locked", [False, None])
def test_a_seal_that_is_not_known_to_be_locked_holds_whatever_the_note_says(locked: bool | None) -> None:
    lane = arrived()
    see(lane, SEAL, replace(OTHER, locked=locked))
    assert lane.alarms_raised == [SEAL_OPEN]
    assert asked(lane).status == "read", "the authority is told as fact"
    assert answered(lane) == (Phase.HELD, (SEAL_OPEN,))


@pytest.mark.parametrize(
    ("seen", "noted", "reasons"),
    [
        ((SEAL,), (NotedSeal(SEAL.id, 3),), ()),
        ((SEAL,), (NotedSeal(SEAL.id),), ()),
        ((SEAL, OTHER), (NotedSeal(OTHER.id), NotedSeal(SEAL.id, 3)), ()),
        ((SEAL,), (NotedSeal(SEAL.id, 2),), ("mismatch_seal_openings",)),
        ((SEAL,), (NotedSeal(SEAL.id, 4),), ("mismatch_seal_openings",)),
        # A seal that does not count is not one that was never opened.
        ((OTHER,), (NotedSeal(OTHER.id, 0),), ("mismatch_seal_openings",)),
        ((SEAL,), (NotedSeal(OTHER.id),), ("mismatch_seals",)),
        ((SEAL,), (NotedSeal(SEAL.id), NotedSeal(OTHER.id)), ("mismatch_seals",)),
        ((SEAL, OTHER), (NotedSeal(SEAL.id),), ("mismatch_seals",)),
        ((SEAL, OTHER), (), ()),
    ],
)
def test_what_the_note_names_has_to_be_there_and_opened_as_often(
    seen: tuple[Seal, ...], noted: tuple[NotedSeal, ...], reasons: tuple[str, ...]
) -> None:
    lane = arrived()
    see(lane, *seen)
    phase, found = answered(lane, note=replace(NOTED, seals=noted))
    counted = "mismatch_seal_openings" in reasons
    assert phase is (Phase.HELD if reasons else Phase.CONSUMING)
    assert found == reasons
    assert (SEAL_OPENED in lane.alarms_raised) is counted


def test_an_unexpected_count_is_an_alarm_whatever_was_decided() -> None:
    lane = arrived()
    see(lane, SEAL)
    lane.prepare()
    lane.answer("hold", note=replace(NOTED, seals=(NotedSeal(SEAL.id, 1),)))
    assert lane.alarms_raised == [SEAL_OPENED]


@pytest.mark.parametrize("change", [{"locked": False}, {"openings": 4}])
def test_a_seal_that_is_opened_in_the_lane_withdraws_what_was_released(change: dict[str, object]) -> None:
    lane = arrived()
    see(lane, SEAL)
    assert answered(lane, note=NOTED)[0] is Phase.CONSUMING
    see(lane, replace(SEAL, **change))  # type: ignore[arg-type]
    assert lane.alarms_raised == [SEAL_OPEN if "locked" in change else SEAL_OPENED]
    lane.durable()
    assert lane.phase is Phase.HELD


def test_more_seals_than_a_vehicle_has_are_a_conflict() -> None:
    lane = arrived()
    see(lane, SEAL, OTHER, Seal("NEXTLANE01", True))
    assert (asked(lane).status, asked(lane).reason) == ("conflict", "too_many_seals")
    assert answered(lane) == (Phase.HELD, ("conflict_seals",))


@pytest.mark.parametrize("demanded", [True, False])
def test_none_was_seen(demanded: bool) -> None:
    lane = arrived(replace(WITH_READER, must_match=("tag", "seals")) if demanded else WITH_READER)
    see(lane)
    wait(lane)
    assert (asked(lane).status, asked(lane).reason) == ("unread", "no_seal")
    expected = (Phase.HELD, ("unread_seals",)) if demanded else (Phase.CONSUMING, ())
    assert answered(lane) == expected


def test_where_seals_are_demanded_the_note_has_to_name_them() -> None:
    lane = arrived(replace(WITH_READER, must_match=("seals",)))
    see(lane, SEAL)
    assert answered(lane) == (Phase.HELD, ("not_noted_seals",))


def test_a_lost_reader_is_not_waited_for_and_what_it_said_counts_no_more() -> None:
    lane = LaneBench(WITH_READER)
    see(lane, SEAL)
    lane.lose_device(READER)
    assert lane.state.seals is None
    lane.arrive()
    lane.read_tag()
    assert asked(lane).reason == "device_lost"
    assert answered(lane, note=NOTED) == (Phase.HELD, ("unread_seals",))


def test_what_does_not_change_is_one_vehicles_alone() -> None:
    lane = arrived()
    see(lane, SEAL)
    lane.scan(arrival_loop=False)
    lane.scan(3)
    assert lane.phase is Phase.IDLE
    lane.arrive()
    lane.read_tag()
    assert (lane.phase, lane.passage.seals) == (Phase.IDENTIFYING, None)
    see(lane, OTHER)
    assert asked(lane).value == (OTHER,)


@pytest.mark.hazard("I16", "D11", "D18")
def test_a_reader_that_was_lost_and_still_shows_the_seals_of_the_vehicle_before_gives_them_to_nobody() -> None:
    lane = arrived()
    see(lane, SEAL)
    stuck = lane.state.seals
    assert stuck is not None
    lane.scan(arrival_loop=False)
    lane.scan(3)
    assert lane.phase is Phase.IDLE
    lane.lose_device(READER)
    lane.arrive()
    lane.take(DeviceBack(lane.at_ms, READER))
    lane.take(SealsSeen(lane.at_ms, stuck))
    assert lane.passage.seals is None
    lane.read_tag()
    assert lane.phase is Phase.IDENTIFYING
    see(lane, OTHER)
    assert asked(lane).value == (OTHER,)


@pytest.mark.hazard("X1", "D11")
@pytest.mark.parametrize("seen_first", [True, False])
def test_seals_that_may_have_been_there_before_the_start_are_nobodys_and_an_open_one_is_told(seen_first: bool) -> None:
    lane = LaneBench(WITH_READER)
    field = SealsInField((SEAL, replace(OTHER, locked=False)), 0, lane.at_ms + 1)
    lane.scan()
    if seen_first:
        lane.take(SealsSeen(lane.at_ms, field))
    lane.arrive()
    if not seen_first:
        lane.take(SealsSeen(lane.at_ms, field))
    assert lane.passage.seals is None
    assert lane.alarms_raised == [SEAL_OPEN], "it may be of the vehicle that stands there"
    lane.read_tag()
    see(lane, SEAL)
    assert asked(lane).value == (SEAL,)
    assert answered(lane) == (Phase.HELD, (SEAL_OPEN,))


@pytest.mark.hazard("X1", "D11")
def test_an_open_seal_that_the_reader_tells_of_before_the_first_scan_is_told_and_holds() -> None:
    lane = LaneBench(WITH_READER)
    lane.lose_inputs()
    lane.take(SealsSeen(lane.at_ms, SealsInField((replace(SEAL, locked=False),), 0, lane.at_ms)))
    lane.scan(arrival_loop=True)
    lane.scan()
    assert (lane.phase, lane.passage.seals) == (Phase.IDENTIFYING, None)
    assert lane.alarms_raised == [SEAL_OPEN], "it may be of the vehicle that stands there"
    lane.read_tag()
    wait(lane)
    assert answered(lane) == (Phase.HELD, (SEAL_OPEN,))


@pytest.mark.hazard("C15", "D11")
def test_an_open_seal_that_was_seen_before_nobody_watched_is_told_and_one_of_a_vehicle_that_left_is_not() -> None:
    lane = LaneBench(WITH_READER)
    see(lane, replace(SEAL, locked=False))
    lane.lose_inputs()
    lane.scan()
    lane.arrive()
    assert lane.passage.seals is None
    assert lane.alarms_raised == [SEAL_OPEN]
    lane.scan(arrival_loop=False)
    lane.scan(3)
    lane.arrive()
    assert SEAL_OPEN not in lane.state.alarms


@pytest.mark.hazard("D35")
def test_an_open_seal_of_who_comes_is_told_although_the_reader_is_lost_before_the_loop_and_is_not_the_next_ones() -> (
    None
):
    lane = LaneBench(WITH_READER)
    see(lane, replace(SEAL, locked=False))
    lane.lose_device(READER)
    lane.device_back(READER)
    lane.lose_device(READER)
    lane.forget()
    lane.arrive()
    assert (lane.passage.seals, lane.alarms_raised) == (None, [SEAL_OPEN])
    lane.read_tag()
    assert asked(lane).reason == "device_lost"
    assert answered(lane) == (Phase.HELD, (SEAL_OPEN,))
    lane.scan(arrival_loop=False)
    lane.scan(3)
    lane.arrive()
    assert SEAL_OPEN not in lane.state.alarms


@pytest.mark.hazard("C15", "D11")
def test_a_seal_that_was_opened_while_nobody_asked_and_nobody_watched_is_told() -> None:
    lane = arrived()
    see(lane, SEAL)
    lane.prepare()
    asked_ms = lane.at_ms
    lane.lose_device(READER)
    lane.at_ms += UNWATCHED_MS
    lane.scan()
    lane.device_back(READER)
    lane.scan()
    lane.take(SealsSeen(lane.at_ms, SealsInField((replace(SEAL, openings=4),), asked_ms, lane.at_ms)))
    assert lane.passage.seals is None
    lane.answer("release", note=NOTED)
    assert (lane.phase, lane.passage.reasons) == (Phase.HELD, (SEAL_OPENED,))


@pytest.mark.hazard("I16")
def test_seals_that_were_seen_after_their_vehicle_was_identified_are_not_the_next_ones() -> None:
    lane = arrived()
    wait(lane)
    assert asked(lane).reason == "no_seal"
    see(lane, SEAL)
    lane.scan(arrival_loop=False)
    lane.scan(3)
    assert lane.phase is Phase.IDLE
    lane.arrive()
    assert lane.passage.seals is None


@pytest.mark.hazard("I16")
def test_seals_of_a_vehicle_that_left_before_it_was_identified_are_not_the_next_ones() -> None:
    lane = LaneBench(WITH_READER)
    lane.arrive()
    see(lane, SEAL)
    assert lane.phase is Phase.IDENTIFYING, "no tag was read"
    lane.scan(arrival_loop=False)
    lane.scan(3)
    lane.arrive()
    lane.read_tag()
    assert (lane.phase, lane.passage.seals) == (Phase.IDENTIFYING, None)
    see(lane, OTHER)
    assert asked(lane).value == (OTHER,)


def test_seals_that_were_seen_before_the_loop_are_the_arriving_vehicles_and_its_open_one_is_told() -> None:
    lane = LaneBench(WITH_READER)
    see(lane, replace(SEAL, locked=False))
    assert lane.alarms_raised == [], "of a vehicle that is not in the lane nothing is told"
    lane.arrive()
    assert lane.alarms_raised == [SEAL_OPEN]


def test_the_alarm_of_one_vehicle_holds_not_the_next() -> None:
    lane = arrived()
    see(lane, replace(SEAL, locked=False))
    lane.scan(arrival_loop=False)
    lane.scan(3)
    lane.arrive()
    assert SEAL_OPEN not in lane.state.alarms
    lane.read_tag()
    see(lane, OTHER)
    assert answered(lane) == (Phase.CONSUMING, ())


def test_in_heightened_mode_a_lane_with_a_reader_demands_the_seals() -> None:
    lane = LaneBench(WITH_READER)
    lane.order_mode("HEIGHTENED")
    lane.arrive()
    lane.read_tag()
    wait(lane)
    assert answered(lane) == (Phase.HELD, ("unread_seals",))


def test_no_list_lets_a_vehicle_pass_where_seals_are_demanded_because_none_names_them() -> None:
    profile = replace(WITH_READER, must_match=("tag", "seals"))
    tag = Reading("read", object(), 1.0)
    read = Identity(tag=tag, seals=Reading("read", (SEAL,), 1.0))  # type: ignore[arg-type]
    assert _unclear(profile, read) == "seals_not_listed"
    assert _unclear(replace(profile, must_match=("tag",)), read) is None
    assert _unclear(profile, replace(read, seals=Reading("unread", reason="no_seal"))) == "unread"
    assert _unclear(profile, replace(read, seals=Reading("conflict"))) == "conflict"
