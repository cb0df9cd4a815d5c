"""Words and pictures of a camera that recognises by itself, put together."""

import pytest

from drivers.kit.camera.events import MOST_GARBLED, Assembler, GarbledError, LaggingError, Notice, clock_ms, unmangled
from drivers.kit.camera.given import Arrival, Picture
from drivers.kit.camera.multipart import Part
from drivers.kit.camera.pipe import AliveMessage
from edge.core.plate import Plate
from edge.core.readings import PlateClaim

CLAIM = PlateClaim(Plate("粤BF3871", "blue", "ordinary"), 0.9)
BEAT = b"beat 0"
# The camera's clock is a year away from ours.
AHEAD_MS = 31_536_000_000


def parse(data: bytes) -> Notice | str:
    """`beat TIME`, `plate TIME PICTURES NAME`, `other`; all else is garbled."""
    words = data.decode().split()
    match words:
        case ["beat", told]:
            return Notice("heartbeat", int(told) - AHEAD_MS)
        case ["plate", told, pictures, name]:
            count = None if pictures == "?" else int(pictures)
            return Notice("plate", None if told == "?" else int(told) - AHEAD_MS, name, CLAIM, count)
        case ["other"]:
            return Notice("other")
    return "no words"


class Stream:
    """Feeds an assembler, each part a millisecond after the one before."""

    def __init__(self, *, heartbeats_tell_time: bool = True) -> None:
        self.assembler = Assembler(parse, 3_000, heartbeats_tell_time=heartbeats_tell_time)
        self.now_ms = 0

    def words(self, text: str, *, at_ms: int | None = None, oversized: bool = False) -> list[Picture | AliveMessage]:
        return self._take(Part(text.encode(), oversized, "text/plain"), at_ms)

    def picture(
        self, data: bytes = b"scene", *names: str, media: str = "image/jpeg", oversized: bool = False
    ) -> list[Picture | AliveMessage]:
        return self._take(Part(data, oversized, media, names), None)

    def _take(self, part: Part, at_ms: int | None) -> list[Picture | AliveMessage]:
        self.now_ms = self.now_ms + 2 if at_ms is None else at_ms
        return self.assembler.take(Arrival(part, self.now_ms, self.now_ms + 1))


@pytest.fixture
def stream() -> Stream:
    found = Stream()
    assert found.words("beat 0", at_ms=0) == [AliveMessage("heartbeat")]
    return found


def test_an_event_is_its_words_and_the_picture_of_the_scene(stream: Stream) -> None:
    assert stream.words("plate 100 2 e1", at_ms=100) == []
    assert stream.picture(b"crop", "licensePlatePicture", "licensePlatePicture.jpg") == []
    assert stream.picture(b"scene", "detectionPicture.jpg") == [Picture(b"scene", 100, 105, None, "e1", CLAIM)]
    assert stream.picture(b"more") == []
    assert stream.words("other") == [AliveMessage("other")]
    assert stream.picture(b"of no vehicle") == []


def test_events_that_come_in_one_piece_come_one_after_the_other() -> None:
    assembler = Assembler(parse, 3_000)
    parts = [Part(b"beat 0", media="text/plain")]
    for name in (b"e1", b"e2"):
        parts += [Part(b"plate 5 1 " + name, media="text/plain"), Part(b"scene of " + name, media="image/jpeg")]
    found = [one for part in parts for one in assembler.take(Arrival(part, 5, 5)) if isinstance(one, Picture)]
    assert [(one.begun_at_ms, one.captured_at_ms) for one in found] == [(5, 5), (6, 6)]


def test_a_crop_counts_where_there_is_no_other_picture(stream: Stream) -> None:
    stream.words("plate 100 1 e1", at_ms=100)
    assert stream.picture(b"crop", "licensePlatePicture.jpg") == [Picture(b"crop", 100, 103, None, "e1", CLAIM)]
    stream.words("plate 200 ? e2", at_ms=200)
    assert stream.picture(b"crop", "licensePlatePicture.jpg") == []
    assert stream.picture(b"second", "licensePlatePicture.jpg") == []
    assert stream.words("beat 210", at_ms=210) == [
        Picture(b"crop", 200, 203, None, "e2", CLAIM),
        AliveMessage("heartbeat"),
    ]


def test_an_event_without_a_picture_is_told(stream: Stream) -> None:
    assert stream.words("plate 100 0 e1", at_ms=100) == [AliveMessage("without_picture")]
    assert stream.words("plate 110 ? e2", at_ms=110) == []
    assert stream.words("plate 120 ? e3", at_ms=120) == [AliveMessage("without_picture")]
    assert [type(one) for one in stream.picture()] == [Picture]


def test_parts_without_a_type_are_told_apart_by_how_they_begin(stream: Stream) -> None:
    stream.words("plate 100 1 e1", at_ms=100)
    assert stream.picture(b"\xff\xd8 jpeg", media="") == [Picture(b"\xff\xd8 jpeg", 100, 103, None, "e1", CLAIM)]
    stream.words("plate 110 1 e2", at_ms=110)
    assert stream.picture(b"<xml>", media="") == [AliveMessage("without_picture")]
    assert stream.picture(b"<xml>", "anpr.xml", media="application/octet-stream") == []
    stream.words("plate 120 1 e3", at_ms=120)
    (found,) = stream.picture(b"", media="", oversized=True)
    assert isinstance(found, Picture)
    assert (found.data, found.fault) == (b"", "too_large")


@pytest.mark.hazard("D3", "D5")
def test_an_event_that_the_camera_held_back_is_late_by_its_own_clock(stream: Stream) -> None:
    def fault(words: str, at_ms: int) -> str | None:
        stream.words(words, at_ms=at_ms)
        (found,) = stream.picture()
        assert isinstance(found, Picture)
        return found.fault

    assert fault("plate 6999 1 a", 10_000) is None
    assert fault("plate 6998 1 b", 10_000) == "late"
    assert fault("plate 12999 1 c", 10_000) is None
    assert fault("plate 13000 1 d", 10_000) == "late"
    assert fault("plate ? 1 e", 10_000) == "late"
    # The camera's clock was set; its next heartbeat tells.
    stream.words("beat 90000", at_ms=11_000)
    assert fault("plate 91000 1 f", 12_000) is None
    assert fault("plate 12000 1 g", 12_000) == "late"


@pytest.mark.hazard("D3", "D5")
def test_heartbeats_that_were_held_up_with_the_events_beside_them_vouch_for_none(stream: Stream) -> None:
    # Twenty seconds of the stream come at once.
    assert stream.words("beat 10000", at_ms=30_000) == [AliveMessage("heartbeat")]
    stream.words("plate 11000 1 a", at_ms=30_010)
    assert [one.fault for one in stream.picture() if isinstance(one, Picture)] == ["late"]
    stream.words("beat 20000", at_ms=30_020)
    stream.words("beat 30000", at_ms=30_030)
    stream.words("plate 30100 1 b", at_ms=30_200)
    assert [one.fault for one in stream.picture() if isinstance(one, Picture)] == [None]


def test_a_clock_that_runs_slow_is_followed_and_one_that_was_set_back_is_told(stream: Stream) -> None:
    for number in range(1, 2_000):
        # Four hundred parts in a million, for more than five hours.
        stream.words(f"beat {number * 9_996}", at_ms=number * 10_000)
    last_ms, told_ms = 19_990_000, 1_999 * 9_996
    stream.words(f"plate {told_ms} 1 a", at_ms=last_ms)
    assert [one.fault for one in stream.picture() if isinstance(one, Picture)] == [None]
    back_ms = told_ms - 3_600_000
    for number in (1, 2):
        stream.words(f"beat {back_ms + number * 10_000}", at_ms=last_ms + number * 10_000)
    with pytest.raises(LaggingError):
        stream.words(f"beat {back_ms + 30_000}", at_ms=last_ms + 30_000)


def test_before_the_first_heartbeat_no_event_is_believed() -> None:
    stream = Stream()
    stream.words("plate 100 1 e1", at_ms=100)
    (found,) = stream.picture()
    assert isinstance(found, Picture)
    assert found.fault == "late"


@pytest.mark.hazard("D3", "D5")
def test_where_heartbeats_tell_no_time_events_are_held_against_the_fastest() -> None:
    stream = Stream(heartbeats_tell_time=False)

    def fault(told: str, at_ms: int) -> str | None:
        stream.words(f"plate {told} 1 e{at_ms}", at_ms=at_ms)
        (found,) = stream.picture()
        assert isinstance(found, Picture)
        return found.fault

    assert fault("1000", 1_500) is None
    assert fault("2000", 2_400) is None
    assert fault("7000", 10_400) is None
    assert fault("7000", 10_401) == "late"
    assert fault("?", 10_500) == "late"
    # Held back, one after the other: their ages differ as the vehicles came.
    assert [fault("20000", 90_000), fault("40000", 90_100), fault("60000", 90_200)] == ["late"] * 3
    assert fault("91000", 91_400) is None
    # And forward: what comes faster is nearer to the truth.
    assert fault("180000", 100_000) is None
    assert fault("100000", 101_000) == "late"
    # It was set back by an hour, or all are delayed: nobody can tell, and a person is told.
    assert fault("200000", 3_800_000) == "late"
    assert fault("220000", 3_820_500) == "late"
    with pytest.raises(LaggingError) as lagging:
        fault("240000", 3_840_000)
    assert lagging.value.args == (3_680_000,)


def test_words_that_say_nothing_are_borne_some_times(stream: Stream) -> None:
    for _ in range(MOST_GARBLED - 1):
        assert stream.words("???") == []
    stream.words("beat 100", at_ms=100)
    for _ in range(MOST_GARBLED - 2):
        assert stream.words("???") == []
    assert stream.words("plate 100 1 e1", oversized=True) == []
    with pytest.raises(GarbledError, match="no words"):
        stream.words("???")


def test_times_and_mangled_texts() -> None:
    assert clock_ms("1970-01-01T08:00:01+08:00") == clock_ms(" 1970-01-01T00:00:01 ") == 1_000
    assert clock_ms("1970-01-01 00:00:01") == 1_000
    assert (clock_ms(""), clock_ms("yesterday"), clock_ms("2026-13-40T00:00:00")) == (None, None, None)
    assert clock_ms("0001-01-01T00:00:00+23:59") is not None
    assert (unmangled("粤B"), unmangled("B1"), unmangled("ËÕA"), unmangled("\xff")) == ("粤B", "B1", "苏A", "\xff")


class _Wall:
    """The box's clock in the time of the camera that `parse` reads, and by how much that is behind."""

    def __init__(self, *, heartbeats_tell_time: bool = True) -> None:
        self.at_ms = 0
        self.assembler = Assembler(
            parse, 3_000, heartbeats_tell_time=heartbeats_tell_time, utc_ms=lambda: self.at_ms - AHEAD_MS
        )

    def take(self, text: str, at_ms: int) -> str | None:
        """The fault of the event, where it is one."""
        self.at_ms = at_ms
        self.assembler.take(Arrival(Part(text.encode(), media="text/plain"), at_ms, at_ms))
        if not text.startswith("plate"):
            return "no event"
        (found,) = self.assembler.take(Arrival(Part(b"scene", media="image/jpeg"), at_ms, at_ms))
        assert isinstance(found, Picture)
        return found.fault


@pytest.mark.hazard("D3", "D5")
def test_a_first_heartbeat_that_was_held_up_vouches_for_no_event_that_was_held_up_beside_it() -> None:
    wall = _Wall()
    wall.take("beat 0", 60_000)
    assert wall.take("plate 100 1 e1", 60_001) == "late"
    wall.take("beat 5000", 60_002)
    assert wall.take("plate 5100 1 e2", 60_003) == "late"
    wall.take("beat 58000", 60_004)
    assert wall.take("plate 60200 1 e3", 60_200) is None, "by the box's own clock it is of now"


@pytest.mark.parametrize("zone_h", [-8, 0, 5.75, 8])
@pytest.mark.parametrize("ahead_ms", [-2_900, 2_900])
def test_a_first_heartbeat_that_tells_the_time_of_the_box_is_believed_at_once(zone_h: float, ahead_ms: int) -> None:
    wall, zone_ms = _Wall(), round(zone_h * 3_600_000)
    wall.take(f"beat {zone_ms + 60_000 - ahead_ms}", 60_000)
    assert wall.take(f"plate {zone_ms + 63_000 - ahead_ms} 1 e1", 63_100) is None


def test_a_camera_with_another_clock_is_believed_from_its_second_heartbeat_on() -> None:
    wall = _Wall()
    wall.take("beat 0", 60_000)
    assert wall.take("plate 1000 1 e1", 61_000) == "late"
    wall.take("beat 5000", 65_000)
    assert wall.take("plate 6000 1 e2", 66_000) is None


def test_two_that_come_together_or_not_as_far_apart_as_they_were_told_confirm_nothing() -> None:
    wall = _Wall()
    for told_ms, at_ms in ((0, 60_000), (900, 60_999), (20_000, 62_000)):
        wall.take(f"beat {told_ms}", at_ms)
        assert wall.take(f"plate {told_ms} 1 e{told_ms}", at_ms) == "late"
    wall.take("beat 21500", 63_500)
    assert wall.take("plate 21600 1 e5", 63_600) is None


@pytest.mark.hazard("D3", "D5")
def test_a_first_event_is_not_believed_either_where_heartbeats_tell_no_time() -> None:
    wall = _Wall(heartbeats_tell_time=False)
    assert wall.take("plate 0 1 e1", 60_000) == "late"
    assert wall.take("plate 5000 1 e2", 65_000) is None
    other = _Wall(heartbeats_tell_time=False)
    assert other.take("plate 59000 1 e1", 60_000) is None
