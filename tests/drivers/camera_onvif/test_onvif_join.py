"""Words and pictures put together by their times, as the worker does it; no time here is a real one."""

from collections.abc import Iterator
from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from drivers.camera_onvif.join import MOST_WAIT_MS, WAIT_MS, WITHIN_MS, Joiner
from drivers.camera_onvif.session import Heard
from drivers.camera_onvif.wire import Seen
from drivers.camera_onvif.worker import joined
from drivers.kit.camera.dial import SourceError
from drivers.kit.camera.events import LaggingError
from drivers.kit.camera.given import Picture
from drivers.kit.camera.pipe import AliveMessage
from edge.core.plate import Plate
from edge.core.readings import PlateClaim

SUZHOU = PlateClaim(Plate("苏A88888", None, "ordinary"), 0.9)
CANTON = PlateClaim(Plate("粤B99999", None, "ordinary"), 0.9)
# The camera's clock is off by seven hours and some.
OFF_MS = 25_000_000


def settled(until_ms: int = 1_000, late_ms: int = 3_000, taken_ms: int = 0, reports: bool = False) -> Joiner:
    """A joiner that has heard a camera without a plate for long enough, whose words take `taken_ms`."""
    joiner = Joiner(late_ms)
    for now_ms in range(0, until_ms, 100):
        if reports:
            joiner.report(now_ms + OFF_MS, now_ms)
        joiner.hear(Seen(now_ms - taken_ms + OFF_MS), now_ms)
    return joiner


def tell(joiner: Joiner, at_ms: int, claim: PlateClaim | None = SUZHOU, taken_ms: int = 0) -> str | None:
    return joiner.hear(Seen(at_ms + OFF_MS, claim), at_ms + taken_ms)


def picture(at_ms: int, fault: str | None = None) -> Picture:
    return Picture(b"%d" % at_ms, at_ms, at_ms, fault)


def claims(joiner: Joiner, now_ms: int) -> list[PlateClaim | None]:
    return [one.claim for one in joiner.due(now_ms)]


@pytest.mark.hazard("D3")
@pytest.mark.parametrize(("apart_ms", "claim"), [(0, SUZHOU), (-WITHIN_MS + 5, SUZHOU), (-WITHIN_MS - 5, None)])
def test_a_plate_is_of_the_picture_nearest_in_time_or_of_none(apart_ms: int, claim: PlateClaim | None) -> None:
    joiner = settled()
    assert tell(joiner, 2_000 + apart_ms) is None
    joiner.hold(picture(2_000))
    assert claims(joiner, 2_000 + WAIT_MS) == [claim]
    assert joiner.unjoined(10_000) == (0 if claim else 1)
    assert joiner.unjoined(20_000) == 0


def test_of_two_words_the_nearest_count_and_of_two_as_near_none() -> None:
    joiner = settled()
    tell(joiner, 1_700, CANTON)
    tell(joiner, 2_100, SUZHOU)
    joiner.hold(picture(2_000))
    assert claims(joiner, 2_500) == [SUZHOU]
    joiner = settled()
    for claim in (CANTON, SUZHOU):
        tell(joiner, 2_000, claim)
    joiner.hold(picture(2_000))
    assert claims(joiner, 2_500) == [None]


def test_a_picture_waits_for_words_and_not_longer_than_for_those_of_a_later_moment() -> None:
    joiner = settled()
    joiner.hold(picture(2_000))
    assert claims(joiner, 2_000 + WAIT_MS - 1) == []
    tell(joiner, 2_300)
    assert claims(joiner, 2_300) == []
    tell(joiner, 2_505, None)
    assert claims(joiner, 2_400) == [SUZHOU]
    joiner.hold(picture(3_000))
    assert claims(joiner, 3_000 + WAIT_MS) == [None]
    joiner.hold(picture(4_000, "too_large"))
    tell(joiner, 4_000)
    assert claims(joiner, 4_000 + WAIT_MS) == [None]


def test_where_reports_tell_how_long_the_analysis_takes_the_picture_waits_for_it() -> None:
    joiner = settled(reports=True, taken_ms=900)
    joiner.hold(picture(2_000))
    assert claims(joiner, 2_000 + WAIT_MS) == []
    tell(joiner, 2_000, taken_ms=900)
    assert claims(joiner, 3_001) == [SUZHOU]
    # Without them what it always takes is not known: the words are of what stood there a little later.
    joiner = settled(taken_ms=900)
    tell(joiner, 2_000, taken_ms=900)
    joiner.hold(picture(2_900))
    assert claims(joiner, 2_900 + WAIT_MS) == [SUZHOU]


@pytest.mark.hazard("D5")
@pytest.mark.parametrize("off_ms", [-2_000_000_000, 2_000_000_000])
def test_reports_of_another_clock_than_the_words_tell_nothing(off_ms: int) -> None:
    joiner = Joiner(3_000)
    for now_ms in range(0, 1_000, 100):
        joiner.report(now_ms + off_ms, now_ms)
        joiner.hear(Seen(now_ms), now_ms)
    joiner.hear(Seen(1_000, SUZHOU), 1_000)
    joiner.hold(picture(1_000))
    assert claims(joiner, 1_500) == [SUZHOU]


def test_no_picture_waits_for_ever() -> None:
    joiner = settled(reports=True, taken_ms=2_900)
    joiner.hold(picture(2_000))
    assert claims(joiner, 2_000 + MOST_WAIT_MS) == [None]


@pytest.mark.hazard("D3")
def test_what_is_told_late_counts_for_no_picture() -> None:
    joiner = settled()
    assert tell(joiner, 2_000, taken_ms=4_000) == "late"
    assert tell(joiner, 6_100, None) is None
    joiner.hold(picture(6_000))
    joiner.hold(picture(6_100))
    assert claims(joiner, 7_000) == [None, None]


@pytest.mark.hazard("D3")
def test_words_before_the_clock_is_known_count_for_no_picture() -> None:
    joiner = Joiner(3_000)
    assert tell(joiner, 0) == "unsettled"
    assert tell(joiner, 100, None) is None
    joiner.hold(picture(0))
    assert claims(joiner, WAIT_MS) == [None]


@pytest.mark.hazard("D5")
def test_words_that_are_all_late_by_the_same_time_are_a_clock_that_was_set_back() -> None:
    joiner = settled()
    told = [tell(joiner, at_ms, None, taken_ms=taken_ms) for at_ms, taken_ms in ((2_000, 4_000), (2_100, 9_000))]
    assert told == ["late", "late"]
    tell(joiner, 2_200, None, taken_ms=9_000)
    with pytest.raises(LaggingError):
        tell(joiner, 2_300, None, taken_ms=9_000)
    # Held up from the first on: the reports show it.
    with pytest.raises(LaggingError):
        settled(reports=True, taken_ms=20_000)


@given(
    st.lists(
        st.tuples(st.integers(0, 5_000), st.integers(-(10**15), 10**15), st.sampled_from([None, SUZHOU, CANTON])),
        max_size=60,
    )
)
def test_whatever_a_camera_tells_every_picture_comes_out_once(
    told: list[tuple[int, int, PlateClaim | None]],
) -> None:
    joiner, out = Joiner(3_000), list[Picture]()
    held = list(range(0, 6_000, 250))
    words = sorted(told, key=lambda one: one[0])
    for now_ms in range(0, 9_000, 250):
        if now_ms in held:
            joiner.hold(picture(now_ms))
        while words and words[0][0] <= now_ms:
            came_ms, at_ms, claim = words.pop(0)
            joiner.report(at_ms, came_ms)
            with suppress(LaggingError):
                joiner.hear(Seen(at_ms, claim), came_ms)
        out += joiner.due(now_ms)
        joiner.unjoined(now_ms)
    assert [one.begun_at_ms for one in out] == held


class Stream:
    """Frames ten times a second, a picture with each second one, and the words of a camera; time is told by it."""

    def __init__(self, heard: dict[int, list[Heard]], until_ms: int = 4_000) -> None:
        self._heard, self._until_ms = heard, until_ms
        self.now_ms = 0

    def looks(self) -> Iterator[Picture | None]:
        for now_ms in range(0, self._until_ms, 100):
            self.now_ms = now_ms
            yield picture(self.now_ms) if self.now_ms % 200 == 0 else None

    def heard(self) -> list[Heard]:
        return self._heard.get(self.now_ms, [Heard(self.now_ms, Seen(self.now_ms))])

    def given(self) -> list[Picture | AliveMessage]:
        return list(joined(self.looks(), self.heard, Joiner(1_000), lambda: self.now_ms))


def test_the_worker_gives_pictures_with_their_plates_and_says_what_was_in_vain() -> None:
    said = Stream(
        {
            1_000: [Heard(1_000, report_ms=1_000), Heard(1_000, Seen(1_000, SUZHOU))],
            2_000: [Heard(2_000, Seen(500, SUZHOU))],
            2_100: [Heard(2_100, Seen(2_100))],
        }
    ).given()
    given_pictures = [one for one in said if isinstance(one, Picture)]
    assert [one.claim for one in given_pictures if abs(one.begun_at_ms - 1_000) <= WITHIN_MS] == [SUZHOU] * 5
    assert [one.claim for one in given_pictures if abs(one.begun_at_ms - 1_000) > WITHIN_MS] == [None] * 13
    assert [one for one in said if isinstance(one, AliveMessage)] == [AliveMessage("late")]


def test_words_without_a_picture_are_told() -> None:
    stream = Stream({2_000: [Heard(2_000, Seen(2_000, SUZHOU))]}, 6_000)

    def dark() -> Iterator[None]:
        yield from (None for _ in stream.looks())

    given_all = list(joined(dark(), stream.heard, Joiner(1_000), lambda: stream.now_ms))
    assert given_all == [AliveMessage("without_picture")]


def test_a_lagging_camera_is_named() -> None:
    late = {at_ms: [Heard(at_ms, Seen(at_ms - 2_000))] for at_ms in range(1_000, 2_000, 100)}
    with pytest.raises(SourceError) as caught:
        Stream(late).given()
    assert caught.value.message.code == "camera_lagging"
    assert "2 s late" in caught.value.message.got
