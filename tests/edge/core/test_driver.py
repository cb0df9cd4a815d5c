"""Who drives: told where a card was read, a conflict where there were two, demanded where configured."""

from dataclasses import replace

import pytest

from edge.core.driver import MOST_CARDS
from edge.core.effects import PrepareRequest
from edge.core.events import CardShown
from edge.core.observe import UNWATCHED_MS
from edge.core.offline import _unclear
from edge.core.profile import LaneProfile
from edge.core.readings import DriverCard, Identity, Reading
from edge.core.state import Phase
from tests.support.lane_bench import PROFILE, LaneBench

READER = "card-1"
WITH_READER = replace(PROFILE, cameras=(), must_match=("tag", "driver"), driver_identity=READER)
CARD = DriverCard("6217000123", "ic")


def show(lane: LaneBench, text: str = CARD.text, since_ms: int | None = None) -> None:
    lane.take(CardShown(lane.at_ms, DriverCard(text, "ic"), lane.at_ms if since_ms is None else since_ms))


def wait(lane: LaneBench) -> None:
    """Let the time to identify run out."""
    lane.scan(WITH_READER.timing.identify_ms // 50 + 1)
    lane.tick()


def arrived(profile: LaneProfile = WITH_READER) -> LaneBench:
    lane = LaneBench(profile)
    lane.arrive()
    lane.read_tag()
    return lane


def asked(lane: LaneBench) -> Reading[DriverCard]:
    driver = lane.all(PrepareRequest)[-1].identity.driver
    assert isinstance(driver, Reading)
    return driver


def test_a_lane_with_a_reader_waits_for_the_card_and_asks_with_it() -> None:
    lane = arrived()
    assert lane.phase is Phase.IDENTIFYING
    show(lane)
    assert lane.phase is Phase.WAITING
    assert asked(lane) == Reading("read", CARD, 1.0)
    lane.prepare()
    lane.answer("release")
    assert lane.phase is Phase.CONSUMING


def test_a_lane_without_a_reader_looks_for_nobody() -> None:
    lane = arrived(replace(WITH_READER, driver_identity=None, must_match=("tag",)))
    assert lane.phase is Phase.WAITING
    assert asked(lane) == Reading("unread", reason="not_looked_for")


def test_a_card_that_stays_is_one_and_of_two_none_is_preferred() -> None:
    lane = arrived(replace(WITH_READER, tag_min_reads=2))
    show(lane)
    show(lane)
    assert lane.passage.cards == (CARD,)
    for number in range(MOST_CARDS + 3):
        show(lane, f"{number:010d}")
    assert len(lane.passage.cards) == MOST_CARDS
    lane.read_tag()
    assert (asked(lane).status, asked(lane).reason) == ("conflict", "several_cards")
    assert asked(lane).candidates == lane.passage.cards
    lane.prepare()
    lane.answer("release")
    assert (lane.phase, lane.passage.reasons) == (Phase.HELD, ("conflict_driver",))


@pytest.mark.parametrize("demanded", [True, False])
def test_nobody_showed_a_card(demanded: bool) -> None:
    lane = arrived(WITH_READER if demanded else replace(WITH_READER, must_match=("tag",)))
    wait(lane)
    assert (asked(lane).status, asked(lane).reason) == ("unread", "no_card")
    lane.prepare()
    lane.answer("release")
    assert lane.phase is (Phase.HELD if demanded else Phase.CONSUMING)
    assert lane.passage.reasons == (("unread_driver",) if demanded else ())


def test_a_lost_reader_is_not_waited_for() -> None:
    lane = arrived()
    lane.lose_device(READER)
    assert asked(lane).reason == "device_lost"


def test_a_card_counts_for_the_vehicle_that_stands_there_alone() -> None:
    lane = LaneBench(WITH_READER)
    show(lane)
    assert lane.state.passage is None
    lane.arrive()
    assert lane.passage.cards == ()
    lane.read_tag()
    show(lane)
    show(lane, "0000000001")
    assert lane.passage.cards == (CARD,), "what comes behind the conclusion changes nothing"


def test_a_card_that_was_left_on_the_reader_is_not_the_next_drivers() -> None:
    lane = arrived()
    show(lane)
    since_ms = lane.at_ms
    lane.scan(arrival_loop=False)
    lane.scan(3)
    assert lane.phase is Phase.IDLE
    lane.arrive()
    lane.read_tag()
    show(lane, since_ms=since_ms)
    assert (lane.phase, lane.passage.cards) == (Phase.IDENTIFYING, ())
    gone_ms = lane.state.sealed_ms
    assert gone_ms is not None
    show(lane, "0099881122", since_ms=gone_ms + 1)
    assert asked(lane).value == DriverCard("0099881122", "ic"), "who is quick holds it there before the loop sees him"


@pytest.mark.hazard("P19", "D11")
def test_a_card_that_a_driver_showed_too_late_and_left_is_not_the_next_ones() -> None:
    lane = arrived()
    wait(lane)
    assert asked(lane).reason == "no_card", "his time was over"
    lane.scan(3)
    since_ms = lane.at_ms
    show(lane)
    lane.scan(arrival_loop=False)
    lane.scan(3)
    assert lane.phase is Phase.IDLE
    lane.arrive()
    lane.read_tag()
    show(lane, since_ms=since_ms)
    assert (lane.phase, lane.passage.cards) == (Phase.IDENTIFYING, ())


@pytest.mark.hazard("X1", "D11")
def test_a_card_that_lies_there_when_the_controller_starts_is_nobodys() -> None:
    lane = arrived()
    show(lane, since_ms=0)
    assert (lane.phase, lane.passage.cards) == (Phase.IDENTIFYING, ())
    show(lane)
    assert asked(lane).value == CARD


@pytest.mark.hazard("P19")
def test_a_card_that_a_driver_left_who_backed_out_before_he_was_identified_is_not_the_next_ones() -> None:
    lane = LaneBench(WITH_READER)
    lane.arrive()
    show(lane)
    since_ms = lane.at_ms
    assert (lane.phase, lane.passage.cards) == (Phase.IDENTIFYING, (CARD,))
    lane.scan(arrival_loop=False)
    lane.scan(3)
    assert lane.phase is Phase.IDLE
    lane.arrive()
    lane.read_tag()
    show(lane, since_ms=since_ms)
    assert (lane.phase, lane.passage.cards) == (Phase.IDENTIFYING, ())
    show(lane)
    assert asked(lane).value == CARD, "shown anew it is this one's"


def test_another_look_keeps_the_card_and_a_retry_asks_for_it_anew() -> None:
    lane = LaneBench(replace(WITH_READER, cameras=PROFILE.cameras, must_match=("front_plate",), recaptures=1))
    lane.arrive()
    show(lane)
    wait(lane)
    assert (lane.passage.recaptures, lane.passage.cards) == (1, (CARD,))
    wait(lane)
    lane.prepare()
    lane.answer("release")
    assert lane.phase is Phase.HELD
    show(lane, "0000000001")
    lane.order("retry")
    assert (lane.phase, lane.passage.cards) == (Phase.IDENTIFYING, ())


def test_in_heightened_mode_a_lane_with_a_reader_demands_the_driver() -> None:
    lane = LaneBench(replace(WITH_READER, must_match=("tag",)))
    lane.order_mode("HEIGHTENED")
    lane.arrive()
    lane.read_tag()
    wait(lane)
    lane.prepare()
    lane.answer("release")
    assert (lane.phase, lane.passage.reasons) == (Phase.HELD, ("unread_driver",))


def test_no_list_lets_a_vehicle_pass_without_the_driver_that_is_demanded() -> None:
    tag = Reading("read", None)
    shown = Identity(tag=tag, driver=Reading("read", CARD, 1.0))  # type: ignore[arg-type]
    assert _unclear(WITH_READER, shown) is None
    assert _unclear(WITH_READER, replace(shown, driver=Reading("unread", reason="no_card"))) == "unread"
    assert _unclear(WITH_READER, replace(shown, driver=Reading("conflict"))) == "conflict"


@pytest.mark.hazard("C15", "D11")
def test_a_card_that_was_put_down_while_nobody_watched_is_nobodys() -> None:
    lane = LaneBench(WITH_READER)
    lane.at_ms += UNWATCHED_MS + 50
    since_ms = lane.at_ms
    lane.scan(arrival_loop=True)
    lane.scan(20)
    lane.read_tag()
    show(lane, since_ms=since_ms)
    assert (lane.phase, lane.passage.cards) == (Phase.IDENTIFYING, ())
    show(lane)
    assert asked(lane).value == CARD
