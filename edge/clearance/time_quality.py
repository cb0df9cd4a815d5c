"""Whether the wall clock is known to be right: nothing passes unasked by a clock that nobody vouched for (X19, O3).

An authority's fresh signed answer tells its time: one that agrees within `MOST_SKEW_S` proves this clock right. A
wall clock that then steps against the monotonic one is not trusted before the next such answer.
"""

from collections.abc import Callable
from datetime import datetime

from edge.clearance.claims import parse_utc
from edge.core.events import Event, TimeJudged
from edge.ports import Clock

MOST_SKEW_S = 30.0
MOST_STEP_S = 2.0
# Journaled each time, so not for every truck; far below the day for which it counts.
TELL_EVERY_MS = 600_000
LOOK_EVERY_S = 10.0


class TimeQuality:
    """Compares the wall clock with what authorities sign and with the monotonic clock; tells the lane by events."""

    def __init__(self, clock: Clock, take: Callable[[Event], None], vouched: Callable[[], None] = lambda: None) -> None:
        """`vouched` is told each time that the lane is told that the clock is right."""
        self._clock = clock
        self._take = take
        self._vouched = vouched
        self._base_s = 0.0
        self._good = False
        self._told_ms = 0

    async def run(self) -> None:
        """Look every `LOOK_EVERY_S` until cancelled."""
        while True:
            self.check()
            await self._clock.sleep(LOOK_EVERY_S)

    def vouch(self, issued_at: str) -> None:
        """An answer that counts was signed at `issued_at` (RFC 3339), just now by its issuer's clock."""
        now_utc, now_ms = self._clock.utc(), self._clock.now_ms()
        issued = parse_utc(issued_at)
        if issued is None or abs((now_utc - issued).total_seconds()) > MOST_SKEW_S:
            return
        self.check()
        if not self._good or now_ms - self._told_ms >= TELL_EVERY_MS:
            self._good, self._told_ms, self._base_s = True, now_ms, offset_s(now_utc, now_ms)
            self._take(TimeJudged(now_ms, good=True))
            self._vouched()

    def check(self) -> None:
        """Look whether the wall clock stepped; to be called every few seconds."""
        now_utc, now_ms = self._clock.utc(), self._clock.now_ms()
        if self._good and abs(offset_s(now_utc, now_ms) - self._base_s) > MOST_STEP_S:
            self._good = False
            self._take(TimeJudged(now_ms, good=False))


def offset_s(now_utc: datetime, now_ms: int) -> float:
    """Return by how much the wall clock is ahead of the monotonic one: it changes where either steps."""
    return now_utc.timestamp() - now_ms / 1000
