"""Pure: words and pictures of a camera that tells what it recognised, put together to events (decision 43).

One event is a part of words and the pictures behind it. The picture of the whole scene counts; the crop of the plate
alone where there is no other.
"""

import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Literal

from drivers.kit.camera.given import Arrival, Picture
from drivers.kit.camera.multipart import Part
from drivers.kit.camera.pipe import AliveMessage
from edge.core.plate import PlateColour, parse_plate
from edge.core.readings import PlateClaim

# A camera whose words say nothing so many times in a row is no camera of this kind, or ill.
MOST_GARBLED = 8
# So many in a row that are late by the same time were not held back: a clock was set, or all are delayed.
MOST_LAGGING = 3
# What was held up comes together: so far apart, as far as they were told, heartbeats came as they were sent.
TOGETHER_MS = 1_000
# Zones lie whole quarters of an hour apart: many cameras tell the local time, and call it UTC or nothing. What is held
# up that long was given up before.
ZONES_MS = 15 * 60 * 1000
# No two clocks agree; those of cameras are off by some hundred parts in a million.
_DRIFT = 0.0005
# XML, with or without its mark, JSON, and `Events[0]...`, `Heartbeat`.
_WORDS = (b"<", b"\xef\xbb\xbf", b"{", b"Events", b"Heartbeat")
_CROP_NAMES = ("plate", "cutout", "small")


@dataclass(frozen=True, slots=True)
class Notice:
    """What one part of words says. `time_ms` is the camera's own clock, for differences alone.

    `pictures`: how many belong to it, None where it does not tell. `event` is its name, the same where it comes again.
    """

    kind: Literal["heartbeat", "plate", "other"]
    time_ms: int | None = None
    event: str = ""
    claim: PlateClaim | None = None
    pictures: int | None = None


class GarbledError(Exception):
    """Too many parts in a row are no words of this protocol; `args[0]` is what was wrong with the last."""


class LaggingError(Exception):
    """Events, or heartbeats, come later than they did, all by as much; `args[0]` is by how many milliseconds."""


@dataclass(slots=True)
class _Waiting:
    notice: Notice
    begun_at_ms: int
    seen: int = 0
    crop: Arrival | None = None


@dataclass(frozen=True, slots=True)
class Pace:
    """How far our clock is ahead of the camera's by the heartbeat that came fastest, and when the last as fast came."""

    ahead_ms: float
    beat_at_ms: int


class Assembler:
    """Parts in, pictures and signs of life out. Holds at most one event without its picture.

    An event counts where its time lies at most `late_ms` from the camera's own time as the heartbeat told it that came
    fastest, else its picture is `late`: cameras keep what they could not send, and send it when they are back. Before
    the first heartbeat every event is. Heartbeats that a network held up with the events beside them vouch for none.
    Where heartbeats tell no time, the event that came fastest is what the others are held against. A clock that was
    set back looks like delay, and `LaggingError` tells it.
    """

    def __init__(
        self,
        parse: Callable[[bytes], Notice | str],
        late_ms: int,
        *,
        heartbeats_tell_time: bool = True,
        pace: Pace | None = None,
        utc_ms: Callable[[], int] | None = None,
    ) -> None:
        """`parse` returns what a part says, or in a word what is wrong with it.

        `pace` is that of an earlier connection: a first heartbeat that was held up vouches for nothing. Without one the
        first heartbeat (or event, see above) is believed where it tells the time of `utc_ms`, the box's own clock, in
        any zone, and where a second one comes as far behind it as it was told; without `utc_ms` at once.
        """
        self._utc_ms = utc_ms
        # The last that nothing confirms: when it came, and how much later than it was told.
        self._doubted: tuple[int, int] | None = None
        self._beats = heartbeats_tell_time
        self._late_ahead_ms, self._late_in_a_row = 0, 0
        self._parse = parse
        self._late_ms = late_ms
        self._waiting: _Waiting | None = None
        self._ahead_ms = None if pace is None else pace.ahead_ms
        self._beat_at_ms = 0 if pace is None else pace.beat_at_ms
        self._vouched = False
        self._garbled = 0
        self._ended_at_ms = -1

    @property
    def pace(self) -> Pace | None:
        """By the heartbeats of this connection; None before one vouches."""
        return Pace(self._ahead_ms, self._beat_at_ms) if self._vouched and self._ahead_ms is not None else None

    def take(self, arrival: Arrival) -> list[Picture | AliveMessage]:
        """Take the next part of the stream. Raises GarbledError, LaggingError."""
        if is_words(arrival.part):
            return [*self.end(), *self._words(arrival)]
        return self._picture(arrival)

    def _words(self, arrival: Arrival) -> list[Picture | AliveMessage]:
        notice = "too large" if arrival.part.oversized else self._parse(arrival.part.data)
        if isinstance(notice, str):
            self._garbled += 1
            if self._garbled >= MOST_GARBLED:
                raise GarbledError(notice)
            return []
        self._garbled = 0
        if notice.kind == "heartbeat" and notice.time_ms is not None:
            self._beat(arrival.ended_at_ms, notice.time_ms)
        if notice.kind == "plate":
            self._waiting = _Waiting(notice, arrival.begun_at_ms)
            return self.end() if notice.pictures == 0 else []
        return [AliveMessage(notice.kind)]

    def _picture(self, arrival: Arrival) -> list[Picture | AliveMessage]:
        waiting = self._waiting
        if waiting is None:
            # Of an event that is none of a plate, or that has its picture already.
            return []
        waiting.seen += 1
        named = " ".join(arrival.part.names).lower()
        if any(name in named for name in _CROP_NAMES) and "detection" not in named:
            waiting.crop = waiting.crop or arrival
            return self.end() if waiting.seen == waiting.notice.pictures else []
        self._waiting = None
        return [self._event(waiting, arrival)]

    def end(self) -> list[Picture | AliveMessage]:
        """No more pictures belong to the event that waits: return what it is without them."""
        waiting, self._waiting = self._waiting, None
        if waiting is None:
            return []
        return [AliveMessage("without_picture") if waiting.crop is None else self._event(waiting, waiting.crop)]

    def _event(self, waiting: _Waiting, arrival: Arrival) -> Picture:
        notice = waiting.notice
        fault = "too_large" if arrival.part.oversized else None if self._in_time(waiting) else "late"
        # What came in one piece came one after the other all the same.
        begun_at_ms = max(waiting.begun_at_ms, self._ended_at_ms + 1)
        self._ended_at_ms = max(arrival.ended_at_ms, begun_at_ms)
        return Picture(arrival.part.data, begun_at_ms, self._ended_at_ms, fault, notice.event, notice.claim)

    def _in_time(self, waiting: _Waiting) -> bool:
        told_ms = waiting.notice.time_ms
        if told_ms is None:
            return False
        ahead_ms = waiting.begun_at_ms - told_ms
        if not self._beats and not self._begins(waiting.begun_at_ms, told_ms):
            return False
        if self._beats:
            return self._vouched and self._ahead_ms is not None and abs(ahead_ms - self._ahead_ms) <= self._late_ms
        return self._as_fast(ahead_ms)

    def _beat(self, at_ms: int, told_ms: int) -> None:
        if not self._begins(at_ms, told_ms):
            return
        if self._as_fast(at_ms - told_ms) and self._ahead_ms is not None:
            drifted_ms = (at_ms - self._beat_at_ms) * _DRIFT if self._beat_at_ms else 0.0
            self._ahead_ms = min(self._ahead_ms + drifted_ms, at_ms - told_ms)
            self._beat_at_ms, self._vouched = at_ms, True

    def _begins(self, at_ms: int, told_ms: int) -> bool:
        """Whether there is something to hold others against, or this may be it.

        A cable that was out gives back at once what it held up, and all of that looks as if it came in time.
        """
        if self._ahead_ms is not None or self._utc_ms is None:
            return True
        behind_ms = (self._utc_ms() - told_ms) % ZONES_MS
        if min(behind_ms, ZONES_MS - behind_ms) <= self._late_ms:
            return True
        ahead_ms = at_ms - told_ms
        before, self._doubted = self._doubted, (at_ms, ahead_ms)
        return before is not None and at_ms - before[0] >= TOGETHER_MS and abs(ahead_ms - before[1]) <= self._late_ms

    def _as_fast(self, ahead_ms: int) -> bool:
        """Say whether what came so much later than its time came about as fast as what came fastest."""
        if self._ahead_ms is None or ahead_ms <= self._ahead_ms:
            self._ahead_ms = ahead_ms
        if ahead_ms - self._ahead_ms <= self._late_ms:
            self._late_in_a_row = 0
            return True
        agrees = self._late_in_a_row > 0 and abs(ahead_ms - self._late_ahead_ms) <= self._late_ms
        self._late_in_a_row = self._late_in_a_row + 1 if agrees else 1
        self._late_ahead_ms = ahead_ms
        if self._late_in_a_row >= MOST_LAGGING:
            raise LaggingError(ahead_ms - self._ahead_ms)
        return False


def is_words(part: Part) -> bool:
    """Whatever its head tells, a part that begins like a text of these protocols is one: no picture does."""
    return not part.may_be_picture or part.data.startswith(_WORDS)


def event_name(*facts: str) -> str:
    """Name an event by what makes it this one: 32 hex digits, whatever the camera put into it."""
    return hashlib.sha256("\n".join(facts).encode("utf-8", "replace")).hexdigest()[:32]


def claim_of(raw: str, colour: PlateColour | None, percent: str) -> PlateClaim | None:
    """The plate that a camera says it read, None where that is none by our grammar ("unknown", a cut text).

    `percent` is 0 to 100, in digits, perhaps with a fraction; what is no such number is no confidence.
    """
    plate = parse_plate(unmangled(raw)[:32], colour)
    if plate is None:
        return None
    try:
        confidence = float(percent) / 100
    except ValueError:
        confidence = 0.0
    return PlateClaim(plate, confidence if 0 <= confidence <= 1 else 0.0)


def unmangled(raw: str) -> str:
    """GB2312 that somebody read as latin-1, put right: `ËÕA88888` is 苏A88888 (domain.md 3.3)."""
    if raw.isascii() or max(raw) > "\xff":
        return raw
    try:
        return raw.encode("latin-1").decode("gb18030")
    except UnicodeDecodeError:
        return raw


def clock_ms(text: str) -> int | None:
    """Milliseconds that a time in ISO 8601 stands for, as UTC where it names no zone. None where it is no time."""
    try:
        told = datetime.fromisoformat(text.strip())
        told = told.replace(tzinfo=UTC) if told.tzinfo is None else told
        return round(told.timestamp() * 1000)
    except (ValueError, OverflowError):
        return None
