"""Pure: which picture shows what the camera told, by their times; what it told late counts for none (decision 52)."""

from collections import deque
from dataclasses import dataclass, replace

from drivers.camera_onvif.wire import Seen
from drivers.kit.camera.events import MOST_LAGGING, LaggingError
from drivers.kit.camera.given import Picture
from drivers.kit.camera.stream_clock import StreamClock
from edge.core.readings import PlateClaim

# No vehicle takes another's place before a camera in so short a time.
WITHIN_MS = 500
# A picture waits so long for what the camera says of it, and where its words take longer, so much longer at most.
WAIT_MS = 500
MOST_WAIT_MS = 1_500
_MARGIN_MS = 100
# Times of words and of reports that are further apart are of two clocks.
_SAME_CLOCK_MS = 600_000
# More than a picture can wait for, from a camera that floods.
_MOST_TOLD = 256
_MOST_HELD = 64


@dataclass(slots=True)
class _Told:
    at_ms: float
    claim: PlateClaim
    used: bool = False


class WordsClock:
    """Puts the camera's own clock on ours, by what came quickest: no date of the camera is believed, and none of ours.

    Words come later than what they tell by what the analysis takes. Sender reports do not: where they are of the same
    clock, theirs is the quickest way.
    """

    def __init__(self) -> None:
        self._words = StreamClock(decoded=False)
        self._reports = StreamClock(decoded=False)

    def report(self, told_ms: int, now_ms: int) -> None:
        """A sender report came."""
        self._reports.age_ms(told_ms, now_ms)

    def age_ms(self, told_ms: int, now_ms: int) -> float | None:
        """How old it is what words tell that come now; None while that is not known yet."""
        age_ms = self._words.age_ms(told_ms, now_ms)
        if age_ms is None or (words_ms := self._words.least_ms) is None:
            return None
        reports_ms = self._reports.least_ms
        taken_ms = 0.0 if reports_ms is None else words_ms - reports_ms
        # Another clock: many cameras count their reports from when they were switched on.
        return age_ms + (taken_ms if 0 <= taken_ms <= _SAME_CLOCK_MS else 0.0)


class Joiner:
    """Pictures and words in, pictures out, with the plate that the camera told at their moment.

    Each picture waits for words. Of those at most `WITHIN_MS` from it the nearest count; where two are as near and not
    the same, none does. Words that came more than `late_ms` after what they tell count for no picture.
    """

    def __init__(self, late_ms: int) -> None:
        self._late_ms = late_ms
        self._clock = WordsClock()
        self._told: deque[_Told] = deque(maxlen=_MOST_TOLD)
        self._held: deque[Picture] = deque(maxlen=_MOST_HELD)
        self._heard_until_ms = float("-inf")
        self._slowest_ms = 0.0
        self._late: list[float] = []

    def report(self, told_ms: int, now_ms: int) -> None:
        """Take a sender report; both in ms, of the camera's clock and of ours."""
        self._clock.report(told_ms, now_ms)

    def hear(self, seen: Seen, now_ms: int) -> str | None:
        """Take what the camera told; return in a word why it counts for nothing.

        Raises:
            LaggingError: several in a row are late by the same time.
        """
        age_ms = self._clock.age_ms(seen.at_ms, now_ms)
        if age_ms is None:
            return None if seen.claim is None else "unsettled"
        if age_ms > self._late_ms:
            self._lags(age_ms)
            return "late"
        self._late.clear()
        self._slowest_ms = max(self._slowest_ms, age_ms)
        self._heard_until_ms = max(self._heard_until_ms, now_ms - age_ms)
        if seen.claim is not None:
            self._told.append(_Told(now_ms - age_ms, seen.claim))
        return None

    def _lags(self, age_ms: float) -> None:
        if self._late and abs(age_ms - self._late[0]) > self._late_ms:
            self._late.clear()
        self._late.append(age_ms)
        if len(self._late) >= MOST_LAGGING:
            raise LaggingError(age_ms)

    def hold(self, picture: Picture) -> None:
        """Take a picture."""
        self._held.append(picture)

    def due(self, now_ms: int) -> list[Picture]:
        """The pictures that have waited enough, the oldest first."""
        wait_ms = min(max(WAIT_MS, self._slowest_ms + _MARGIN_MS), MOST_WAIT_MS)
        given = []
        while self._held:
            waited = now_ms >= self._held[0].captured_at_ms + wait_ms
            if not waited and self._heard_until_ms < self._held[0].begun_at_ms + WITHIN_MS:
                break
            given.append(self._joined(self._held.popleft()))
        return given

    def unjoined(self, now_ms: int) -> int:
        """How many words about a plate found no picture; each is told once."""
        lost = 0
        while self._told and self._told[0].at_ms < now_ms - MOST_WAIT_MS - 2 * WITHIN_MS:
            lost += not self._told.popleft().used
        return lost

    def _joined(self, picture: Picture) -> Picture:
        near = [(abs(one.at_ms - picture.begun_at_ms), one) for one in self._told]
        near = [(apart_ms, one) for apart_ms, one in near if apart_ms <= WITHIN_MS]
        if not near or picture.fault is not None:
            return picture
        least_ms = min(apart_ms for apart_ms, _ in near)
        nearest = [one for apart_ms, one in near if apart_ms == least_ms]
        for one in nearest:
            one.used = True
        same = {one.claim.plate for one in nearest}
        return replace(picture, claim=nearest[0].claim) if len(same) == 1 else picture
