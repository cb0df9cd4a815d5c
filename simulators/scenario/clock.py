"""Time that runs faster than the machine's: an event loop on real sockets and ptys whose clock is hurried.

Only what waits on the loop is hurried: deadlines and pauses of the controller, of the devices and of the world. What
works (a disk, a signature, a broker, a model) takes the time that it takes, and what has a clock of its own (the MQTT
client's keep-alive and back-off) keeps to the machine's. While a process that the loop started works for it, a model
that reads or a camera's capture that begins, nothing is hurried: deadlines for work are the machine's.
"""

import asyncio
import selectors
import time
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from edge.portable.loop import SelectorLoop
from edge.runtime.clock import LoopClock
from simulators.scenario.shared_clock import SharedClock

# What one turn of a loop may take of its time: a process that had to wait for a core was not asleep for a second.
_MOST_TURN_S = 0.01
# From how many words on that nobody asked for a process talks by itself, and for how long such a one may be silent, in
# seconds of the loop: half of what a camera's driver takes for a loss.
_TALKS = 5
_SILENT_S = 1.5


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
    # Processes that the loop started, and those of them that work for it now.
    workers: list["Worker"] = field(default_factory=list)
    _owing: set[object] = field(default_factory=set)
    shared: SharedClock | None = None

    @property
    def pace(self) -> float:
        """How fast it passes now: as the machine's where another process owes an answer."""
        return 1.0 if self._owing else self.speed

    def now_s(self) -> float:
        """Seconds of this time; it never goes back."""
        return self._base_s + min((time.perf_counter() - self._anchor_s) * self.pace, self._most_s)

    def waits(self, most_s: float) -> None:
        """From now on somebody waits for at most `most_s`, or works on where that is `_MOST_TURN_S`."""
        self._base_s, self._anchor_s, self._most_s = self.now_s(), time.perf_counter(), most_s
        self._tell()

    def owes(self, who: object, owing: bool) -> None:
        """Another process was asked and has not answered, or has."""
        if owing is (who in self._owing):
            return
        now_s, machine_s = self.now_s(), time.perf_counter()
        self._most_s -= now_s - self._base_s
        self._base_s, self._anchor_s = now_s, machine_s
        (self._owing.add if owing else self._owing.discard)(who)
        self._tell()

    def _tell(self) -> None:
        if self.shared is not None:
            self.shared.write(self._base_s, self._anchor_s, self.pace, self._most_s)


class _HurriedSelector(selectors.DefaultSelector):
    """Waits for sockets as long as the loop says, in the machine's time."""

    def __init__(self, hurried: HurriedTime) -> None:
        super().__init__()
        self._hurried = hurried

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        """Wait for `timeout` seconds of the loop's time."""
        now_s = self._hurried.now_s()
        for worker in self._hurried.workers:
            worker.look(now_s)
        self._hurried.waits(float("inf") if timeout is None else max(timeout, 0.0))
        try:
            return super().select(None if timeout is None else timeout / self._hurried.pace)
        finally:
            self._hurried.waits(_MOST_TURN_S)


class HurriedLoop(SelectorLoop):
    """asyncio's own loop with real sockets, ptys and processes; only its clock is another."""

    _clock_resolution: float

    def __init__(self, speed: float, shared: SharedClock | None = None) -> None:
        self.hurried = HurriedTime(speed, shared=shared)
        super().__init__(_HurriedSelector(self.hurried))
        self._clock_resolution = time.get_clock_info("perf_counter").resolution * speed

    def time(self) -> float:
        """Seconds of the hurried time."""
        return self.hurried.now_s()

    async def subprocess_exec(self, *args: Any, **options: Any) -> Any:
        """Start a process as asyncio does; while it owes an answer time passes as the machine's, as its work does."""
        transport, protocol = await super().subprocess_exec(*args, **options)
        Worker(self.hurried, transport, protocol)
        return transport, protocol


class Worker:
    """A process that the loop started, as its pipes show it: whether it owes an answer, and whether it talks unasked.

    It owes one from its start, or from what was written to it, until it says something; one that talks unasked, as a
    camera's does, also where it has been silent for `_SILENT_S`: what it watches over takes the machine's time.
    """

    def __init__(self, hurried: HurriedTime, transport: Any, protocol: Any) -> None:
        """Look on at what asyncio's own transport and protocol pass on; both look their methods up at each call."""
        self._hurried = hurried
        self._said = 0
        self._heard_s = hurried.now_s()
        self._hear, self._exited = protocol.pipe_data_received, protocol.process_exited
        protocol.pipe_data_received, protocol.process_exited = self._hears, self._ends
        if (stdin := transport.get_pipe_transport(0)) is not None:
            self._write, stdin.write = stdin.write, self._writes
        hurried.workers.append(self)
        hurried.owes(self, True)

    def look(self, now_s: float) -> None:
        """It owes a sign of life where it has been silent for long."""
        if self._said >= _TALKS and now_s - self._heard_s > _SILENT_S:
            self._hurried.owes(self, True)

    def _writes(self, data: bytes) -> None:
        self._said = 0
        self._hurried.owes(self, True)
        self._write(data)

    def _hears(self, descriptor: int, data: bytes) -> None:
        self._said += 1
        self._heard_s = self._hurried.now_s()
        self._hurried.owes(self, False)
        self._hear(descriptor, data)

    def _ends(self) -> None:
        self._hurried.workers.remove(self)
        self._hurried.owes(self, False)
        self._exited()


@dataclass(frozen=True, slots=True)
class Pace:
    """How fast the time of one scenario runs. At speed 1 it is the machine's own, for tools of others to look on."""

    speed: float = 1.0
    shared: SharedClock | None = None

    def loop(self) -> asyncio.AbstractEventLoop:
        """A new event loop on that time."""
        return SelectorLoop() if self.speed == 1 else HurriedLoop(self.speed, self.shared)

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
