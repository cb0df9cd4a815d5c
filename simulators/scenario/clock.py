"""Time that runs faster than the machine's: an event loop on real sockets and ptys whose clock is hurried.

Only what waits on the loop is hurried: deadlines and pauses of the controller, of the devices and of the world. What
works (a disk, a signature, a broker, a model) takes the time that it takes, and what has a clock of its own (the MQTT
client's keep-alive and back-off, the cameras' capture processes) keeps to the machine's.
"""

import asyncio
import selectors
import time
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

from edge.portable.loop import SelectorLoop
from edge.runtime.clock import LoopClock

# What one turn of a loop may take of its time: a process that had to wait for a core was not asleep for a second.
_MOST_TURN_S = 0.01


@dataclass(slots=True)
class HurriedTime:
    """Seconds that pass `speed` times as fast as the machine's while a loop waits; while it is held up, they stop.

    A hurried deadline is a tenth of the real one, and a busy machine is late by as much as ever. So time waits for
    whoever is late: no wait takes longer than was asked for, and no turn longer than `_MOST_TURN_S`.

    It goes by `perf_counter`, on Linux the same clock as `monotonic`. That one ticks every 16 ms on Windows: hurried
    ten times, timers would be so early that a barrier is taken for broken.
    """

    speed: float
    _base_s: float = field(default_factory=time.monotonic)
    _anchor_s: float = field(default_factory=time.perf_counter)
    _most_s: float = _MOST_TURN_S

    def now_s(self) -> float:
        """Seconds of this time; it never goes back."""
        return self._base_s + min((time.perf_counter() - self._anchor_s) * self.speed, self._most_s)

    def waits(self, most_s: float) -> None:
        """From now on somebody waits for at most `most_s`, or works on where that is `_MOST_TURN_S`."""
        self._base_s, self._anchor_s, self._most_s = self.now_s(), time.perf_counter(), most_s


class _HurriedSelector(selectors.DefaultSelector):
    """Waits for sockets as long as the loop says, in the machine's time."""

    def __init__(self, hurried: HurriedTime) -> None:
        super().__init__()
        self._hurried = hurried

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        """Wait for `timeout` seconds of the loop's time."""
        self._hurried.waits(float("inf") if timeout is None else max(timeout, 0.0))
        try:
            return super().select(None if timeout is None else timeout / self._hurried.speed)
        finally:
            self._hurried.waits(_MOST_TURN_S)


class HurriedLoop(SelectorLoop):
    """asyncio's own loop with real sockets, ptys and processes; only its clock is another."""

    _clock_resolution: float

    def __init__(self, speed: float) -> None:
        self._hurried = HurriedTime(speed)
        super().__init__(_HurriedSelector(self._hurried))
        self._clock_resolution = time.get_clock_info("perf_counter").resolution * speed

    def time(self) -> float:
        """Seconds of the hurried time."""
        return self._hurried.now_s()


@dataclass(frozen=True, slots=True)
class Pace:
    """How fast the time of one scenario runs. At speed 1 it is the machine's own, for tools of others to look on."""

    speed: float = 1.0

    def loop(self) -> asyncio.AbstractEventLoop:
        """A new event loop on that time."""
        return SelectorLoop() if self.speed == 1 else HurriedLoop(self.speed)

    def clock(self) -> LoopClock:
        """The controller's clock on that loop, which must run."""
        return LoopClock() if self.speed == 1 else HurriedClock()


class HurriedClock(LoopClock):
    """The controller's clock on a `HurriedLoop`: the date goes with the loop, else it would seem to be set back."""

    def __init__(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._began_s, self._began_utc = self._loop.time(), datetime.now(UTC)

    def utc(self) -> datetime:
        """The date in the loop's time; threads ask for it, too."""
        return self._began_utc + timedelta(seconds=self._loop.time() - self._began_s)
